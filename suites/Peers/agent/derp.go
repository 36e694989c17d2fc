package main

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/nacl/box"
)

// Frames of DERP: a type, a length of four bytes, and the payload.
const (
	frameServerKey     = 1
	frameClientInfo    = 2
	frameServerInfo    = 3
	frameSendPacket    = 4
	frameRecvPacket    = 5
	frameNotePreferred = 7
	framePeerGone      = 8
	framePing          = 0x12
	framePong          = 0x13
	derpMagic          = "DERP🔑"
	maxFrame           = 1 << 20
	derpTimeout        = 10 * time.Second
	derpSilence        = 2 * time.Minute
)

type key [32]byte

func (k key) hex() string { return hex.EncodeToString(k[:]) }

// derpConn is a connection to one relay. Sends may come from any goroutine; receive is called by one.
type derpConn struct {
	conn   net.Conn
	reader *bufio.Reader
	mu     sync.Mutex
	writer *bufio.Writer
}

// dialDerp connects to a relay and logs in with the node's key.
func dialDerp(address string, secure bool, private, public key, home bool) (*derpConn, error) {
	conn, err := net.DialTimeout("tcp", address, derpTimeout)
	if err != nil {
		return nil, err
	}
	if secure {
		// Relays of tests have certificates that nobody knows. WireGuard protects what passes through them.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	d := &derpConn{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10), writer: bufio.NewWriterSize(conn, 64<<10)}
	conn.SetDeadline(time.Now().Add(derpTimeout))
	if err := d.login(address, private, public, home); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return d, nil
}

func (d *derpConn) login(host string, private, public key, home bool) error {
	fmt.Fprintf(d.writer, "GET /derp HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n", host)
	if err := d.writer.Flush(); err != nil {
		return err
	}
	answer, err := http.ReadResponse(d.reader, &http.Request{Method: "GET"})
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the relay answered %s", answer.Status)
	}

	kind, payload, err := d.frame(nil)
	if err != nil {
		return err
	}
	if kind != frameServerKey || len(payload) < len(derpMagic)+32 || string(payload[:len(derpMagic)]) != derpMagic {
		return fmt.Errorf("the relay began with frame %d", kind)
	}
	var server, pub, priv [32]byte
	copy(server[:], payload[len(derpMagic):])
	pub, priv = public, private

	info, err := json.Marshal(map[string]any{"version": 2, "CanAckPings": true})
	if err != nil {
		return err
	}
	var nonce [24]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	if err := d.send(frameClientInfo, pub[:], nonce[:], box.Seal(nil, info, &nonce, &server, &priv)); err != nil {
		return err
	}

	kind, payload, err = d.frame(nil)
	if err != nil {
		return err
	}
	if kind != frameServerInfo || len(payload) < 24 {
		return fmt.Errorf("the relay answered the login with frame %d", kind)
	}
	copy(nonce[:], payload)
	if _, ok := box.Open(nil, payload[24:], &nonce, &server, &priv); !ok {
		return fmt.Errorf("the relay's box does not open")
	}
	if home {
		return d.send(frameNotePreferred, []byte{1})
	}
	return nil
}

// sendPacket sends one packet to the client with this key.
func (d *derpConn) sendPacket(to key, packet []byte) error {
	return d.send(frameSendPacket, to[:], packet)
}

// receive returns the next packet and its sender, or no packet for a key that the relay does not have any more. The packet
// is valid until the next call. Pings are answered.
func (d *derpConn) receive(buffer []byte) (key, []byte, error) {
	for {
		d.conn.SetReadDeadline(time.Now().Add(derpSilence))
		kind, payload, err := d.frame(buffer)
		if err != nil {
			return key{}, nil, err
		}
		switch {
		case kind == frameRecvPacket && len(payload) >= 32:
			var from key
			copy(from[:], payload)
			return from, payload[32:], nil
		case kind == framePeerGone && len(payload) >= 32:
			var gone key
			copy(gone[:], payload)
			return gone, nil, nil
		case kind == framePing && len(payload) >= 8:
			if err := d.send(framePong, payload[:8]); err != nil {
				return key{}, nil, err
			}
		}
	}
}

func (d *derpConn) close() { d.conn.Close() }

func (d *derpConn) send(kind byte, parts ...[]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var head [5]byte
	head[0] = kind
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	binary.BigEndian.PutUint32(head[1:], uint32(length))
	d.writer.Write(head[:])
	for _, part := range parts {
		d.writer.Write(part)
	}
	return d.writer.Flush()
}

// frame reads one frame into the buffer, or into new memory if it is larger.
func (d *derpConn) frame(buffer []byte) (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(d.reader, head[:]); err != nil {
		return 0, nil, err
	}
	length := int(binary.BigEndian.Uint32(head[1:]))
	if length > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", length)
	}
	if length > len(buffer) {
		buffer = make([]byte, length)
	}
	_, err := io.ReadFull(d.reader, buffer[:length])
	return head[0], buffer[:length], err
}
