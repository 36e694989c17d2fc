package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	historySize   = 64 << 10
	outputBlock   = 1 << 10 // agents write terminal output in blocks of this size
	unattachedFor = 5 * time.Minute
	prompt        = "$ "
)

// flooded counts the bytes of all floods that all attachments have taken.
var flooded int64

// terminals are the sessions of the reconnecting PTY, by id.
type terminals struct {
	mu       sync.Mutex
	sessions map[string]*session
}

// session is a shell of our own. Connections attach to it, and all see the same output.
type session struct {
	mu       sync.Mutex
	attached map[io.WriteCloser]bool
	history  []byte
	height   uint16
	width    uint16
	line     []byte
	toHash   int // bytes of input that are hashed in place of being read
	hash     hash.Hash
	ended    bool
	idle     *time.Timer
	onEnd    func()
}

type ptyInit struct {
	ID      string
	Height  uint16
	Width   uint16
	Command string
}

type ptyInput struct {
	Data   string `json:"data"`
	Height uint16 `json:"height"`
	Width  uint16 `json:"width"`
}

// serve reads the init by two single reads, as agents of every age do: an init that comes in pieces is not understood.
func (t *terminals) serve(conn io.ReadWriteCloser) {
	defer conn.Close()
	var length [2]byte
	if _, err := conn.Read(length[:]); err != nil {
		return
	}
	raw := make([]byte, binary.LittleEndian.Uint16(length[:]))
	n, err := conn.Read(raw)
	if err != nil {
		return
	}
	var init ptyInit
	if err := json.Unmarshal(raw[:n], &init); err != nil {
		say("pty init not understood: %v", err)
		return
	}
	s, isNew := t.find(init)
	if !s.attach(conn, init.Height, init.Width) {
		return
	}
	if isNew && init.Command != "" {
		s.once(init.Command)
	}
	decoder := json.NewDecoder(conn)
	for {
		var input ptyInput
		if err := decoder.Decode(&input); err != nil {
			s.detach(conn)
			return
		}
		s.input(input)
	}
}

// find returns the session of that id, and whether it was made for this call.
func (t *terminals) find(init ptyInit) (*session, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sessions[init.ID]; s != nil {
		return s, false
	}
	s := &session{attached: map[io.WriteCloser]bool{}}
	s.onEnd = func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.sessions, init.ID)
	}
	s.idle = time.AfterFunc(unattachedFor, s.endNow)
	if t.sessions == nil {
		t.sessions = map[string]*session{}
	}
	t.sessions[init.ID] = s
	if init.Command == "" {
		s.print(prompt)
	}
	return s, true
}

func (s *session) attach(conn io.WriteCloser, height, width uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.idle.Stop()
	s.resize(height, width)
	s.attached[conn] = true
	if _, err := conn.Write(s.history); err != nil {
		delete(s.attached, conn)
		return false
	}
	return true
}

func (s *session) detach(conn io.WriteCloser) {
	conn.Close() // ends a write of another goroutine that holds the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.attached, conn)
	if len(s.attached) == 0 && !s.ended {
		s.idle.Reset(unattachedFor)
	}
}

// once runs one command and ends.
func (s *session) once(command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run(command)
	s.end()
}

// input types first and resizes then, as agents do.
func (s *session) input(input ptyInput) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := []byte(input.Data)
	for len(data) > 0 && !s.ended {
		if s.toHash > 0 {
			data = s.hashed(data)
			continue
		}
		end := strings.IndexAny(string(data), "\r\n")
		if end < 0 {
			s.line = append(s.line, data...)
			s.print(string(data))
			break
		}
		s.line = append(s.line, data[:end]...)
		s.print(string(data[:end]) + "\r\n")
		data = data[end+1:]
		line := string(s.line)
		s.line = s.line[:0]
		s.run(line)
		if !s.ended && s.toHash == 0 {
			s.print(prompt)
		}
	}
	s.resize(input.Height, input.Width)
}

func (s *session) hashed(data []byte) []byte {
	n := len(data)
	if n > s.toHash {
		n = s.toHash
	}
	s.hash.Write(data[:n])
	if s.toHash -= n; s.toHash == 0 {
		s.print(fmt.Sprintf("sha256 %x\r\n%s", s.hash.Sum(nil), prompt))
	}
	return data[n:]
}

// run knows a few commands; other lines have been echoed, and that is all.
func (s *session) run(line string) {
	name, rest, _ := strings.Cut(line, " ")
	number, _ := strconv.Atoi(rest)
	switch name {
	case "echo":
		s.print(rest + "\r\n")
	case "size":
		s.print(fmt.Sprintf("%dx%d\r\n", s.height, s.width))
	case "flood":
		s.flood(number)
	case "hash":
		s.hash, s.toHash = sha256.New(), number
		s.print("ready\r\n")
	case "exit":
		s.end()
	}
}

// flood prints "begin", so many bytes that do not repeat soon, and their hash.
func (s *session) flood(bytes int) {
	s.print("begin\r\n")
	sum := sha256.New()
	for sent := 0; sent < bytes; {
		block := make([]byte, 0, outputBlock+32)
		for len(block) < outputBlock {
			block = append(block, fmt.Sprintf("%08x-%x.", sent, sha256.Sum256([]byte(strconv.Itoa(sent+len(block)))))...)
		}
		block = block[:outputBlock]
		if len(block) > bytes-sent {
			block = block[:bytes-sent]
		}
		sum.Write(block)
		s.print(string(block))
		atomic.AddInt64(&flooded, int64(len(block)))
		sent += len(block)
	}
	s.print(fmt.Sprintf("\r\nsha256 %x\r\n", sum.Sum(nil)))
}

// print writes to all that are attached, under the lock and blocking: one that does not read stops the terminal for all.
func (s *session) print(text string) {
	s.history = append(s.history, text...)
	if len(s.history) > historySize {
		s.history = append([]byte(nil), s.history[len(s.history)-historySize:]...)
	}
	for conn := range s.attached {
		if _, err := io.WriteString(conn, text); err != nil {
			delete(s.attached, conn)
		}
	}
}

func (s *session) resize(height, width uint16) {
	if height != 0 && width != 0 {
		s.height, s.width = height, width
	}
}

func (s *session) endNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// end closes all connections behind their output.
func (s *session) end() {
	if s.ended {
		return
	}
	s.ended = true
	s.idle.Stop()
	for conn := range s.attached {
		conn.Close()
	}
	go s.onEnd()
}
