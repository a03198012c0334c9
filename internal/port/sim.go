package port

import (
	"context"
	"os"
	"sync"

	"github.com/fpbls/fpbls/internal/fpb"
	"github.com/fpbls/fpbls/internal/problem"
	"github.com/fpbls/fpbls/internal/sim"
)

// simConn is the line to a simulated board that lives as long as the line.
type simConn struct {
	*sim.Conn
	stop    context.CancelFunc
	running sync.WaitGroup
}

// openSim powers a simulated board on, with the ELF at path or, if that is
// empty, the one that the options give.
func openSim(path string, o Options) (fpb.Conn, error) {
	elf, err := simFirmware(path, o)
	if err != nil {
		return nil, err
	}
	board, err := sim.New(sim.Config{Baud: o.Baud}, elf[0], elf[1:]...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &simConn{Conn: board.Conn(), stop: cancel}
	c.running.Go(func() { board.Run(ctx) })
	return c, nil
}

func simFirmware(path string, o Options) ([][]byte, error) {
	if path != "" {
		elf, err := os.ReadFile(path)
		if err != nil {
			return nil, problem.New(problem.NoELF, "check the path behind sim:", "cannot read the firmware: %w", err)
		}
		return [][]byte{elf}, nil
	}
	if o.Firmware == nil {
		return nil, problem.New(problem.NoELF, "name one, as in sim:path.elf", "the simulated board has no firmware")
	}
	return o.Firmware()
}

// Close switches the board off.
func (c *simConn) Close() error {
	err := c.Conn.Close()
	c.stop()
	c.running.Wait()
	return err
}
