package listing

// A Row is a line of a comparison: of the firmware, of the patch, or of both.
type Row struct {
	Before, After *Line // nil where the other side has more
	Differ        bool
}

// maxCells bounds the table of a comparison: functions of two thousand lines.
const maxCells = 1 << 22

// Compare sets two listings side by side, with as much as can be opposite of what does
// the same: a longest common subsequence.
func Compare(before, after []Line) []Row {
	n, m := len(before), len(after)
	if n*m > maxCells {
		return pair(before, after)
	}
	// longest[i*(m+1)+j] is that of before[i:] and after[j:].
	longest := make([]int32, (n+1)*(m+1))
	at := func(i, j int) *int32 { return &longest[i*(m+1)+j] }
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if same(before[i], after[j]) {
				*at(i, j) = *at(i+1, j+1) + 1
			} else {
				*at(i, j) = max(*at(i+1, j), *at(i, j+1))
			}
		}
	}
	var rows []Row
	i, j, from, to := 0, 0, 0, 0 // what is behind from and to is not shown yet
	for i < n && j < m {
		switch {
		case same(before[i], after[j]):
			rows = append(rows, pair(before[from:i], after[to:j])...)
			rows = append(rows, Row{Before: &before[i], After: &after[j]})
			i, j = i+1, j+1
			from, to = i, j
		case *at(i+1, j) >= *at(i, j+1):
			i++
		default:
			j++
		}
	}
	return append(rows, pair(before[from:], after[to:])...)
}

func same(a, b Line) bool {
	if a.loose || b.loose {
		return a.short == b.short
	}
	return a.key == b.key
}

// pair lists lines that differ.
func pair(before, after []Line) []Row {
	rows := make([]Row, max(len(before), len(after)))
	for i := range rows {
		rows[i].Differ = true
		if i < len(before) {
			rows[i].Before = &before[i]
		}
		if i < len(after) {
			rows[i].After = &after[i]
		}
	}
	return rows
}
