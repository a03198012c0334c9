package sim

import "github.com/fpbls/fpbls/internal/sim/cortexm"

// cmsdkUART is the UART of Arm's Cortex-M System Design Kit (DDI 0479 §4.3), as
// on the MPS2 boards.
type cmsdkUART struct {
	*wire
	core          *cortexm.Core
	rxIRQ, txIRQ  int
	ctrl, bauddiv uint32
	txDone        bool // transmit interrupt: the buffer became empty
	rxDone        bool
	wasWaiting    bool
	wasReceived   bool
}

const (
	cmsdkTxEnable = 1 << 0
	cmsdkRxEnable = 1 << 1
	cmsdkTxIRQ    = 1 << 2
	cmsdkRxIRQ    = 1 << 3
)

func (u *cmsdkUART) reset() {
	u.wire.reset()
	u.ctrl, u.bauddiv = 0, 0
	u.txDone, u.rxDone, u.wasWaiting, u.wasReceived = false, false, false, false
}

func (u *cmsdkUART) update(now uint64) {
	u.wire.advance(now, u.ctrl&cmsdkRxEnable != 0)
	if u.wasWaiting && !u.waiting && u.ctrl&cmsdkTxIRQ != 0 {
		u.txDone = true
	}
	if !u.wasReceived && u.received && u.ctrl&cmsdkRxIRQ != 0 {
		u.rxDone = true
	}
	u.wasWaiting, u.wasReceived = u.waiting, u.received
	u.core.SetIRQ(u.rxIRQ, u.rxDone)
	u.core.SetIRQ(u.txIRQ, u.txDone)
}

func (u *cmsdkUART) Load(offset uint32, size int) uint32 {
	now := u.core.Cycles()
	u.update(now)
	switch offset {
	case 0x00:
		v := u.take(now)
		u.update(now)
		return uint32(v)
	case 0x04:
		return bit(u.waiting, 0) | bit(u.received, 1) | bit(u.overrun, 3)
	case 0x08:
		return u.ctrl
	case 0x0c:
		return bit(u.txDone, 0) | bit(u.rxDone, 1)
	case 0x10:
		return u.bauddiv
	}
	return 0
}

func (u *cmsdkUART) Store(offset uint32, size int, v uint32) {
	now := u.core.Cycles()
	u.update(now)
	switch offset {
	case 0x00:
		if u.ctrl&cmsdkTxEnable != 0 {
			u.wasWaiting = true // sending at once also empties the buffer
			u.send(now, byte(v))
		}
	case 0x04:
		if v&(1<<3) != 0 {
			u.overrun = false
		}
	case 0x08:
		u.ctrl = v & 0x7f
	case 0x0c:
		u.txDone = u.txDone && v&1 == 0
		u.rxDone = u.rxDone && v&2 == 0
	case 0x10:
		u.bauddiv = v
	}
	u.update(now)
	u.core.Yield()
}

func bit(set bool, n int) uint32 {
	if set {
		return 1 << n
	}
	return 0
}
