package journal

import (
	"bytes"
	"io"
)

// backward reads a file's lines from the last to the first.
type backward struct {
	r     io.ReaderAt
	at    int64  // how much of the file, from its beginning, is not in left
	left  []byte // what was read and not returned
	begun bool
}

const chunk = 64 << 10

// next returns the line before the last one, without its line break. whole is false for a last line without one. At the
// beginning of the file the error is io.EOF.
func (b *backward) next() (line []byte, whole bool, err error) {
	for {
		if i := bytes.LastIndexByte(b.left, '\n'); i >= 0 {
			line, b.left = b.left[i+1:], b.left[:i]
			if !b.begun {
				b.begun = true
				if len(line) == 0 {
					continue
				}
				return line, false, nil
			}
			return line, true, nil
		}
		if b.at == 0 {
			if b.left == nil {
				return nil, false, io.EOF
			}
			line, b.left = b.left, nil
			whole, b.begun = b.begun, true
			return line, whole, nil
		}
		// A long line is read in growing pieces.
		n := min(b.at, int64(max(chunk, len(b.left))))
		grown := make([]byte, n, int(n)+len(b.left))
		if _, err := b.r.ReadAt(grown, b.at-n); err != nil && err != io.EOF {
			return nil, false, err
		}
		b.at -= n
		b.left = append(grown, b.left...)
	}
}
