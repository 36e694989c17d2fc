package main

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
)

// This file has what WireGuard stands on: below it the relays (relayBind), above it gVisor's network stack (stackTun).

const (
	mtu        = 1280
	tsmpHeader = 99 // the next header of TSMP
	ipv6Length = 40
)

// relayPacket is a message of WireGuard with the key of its sender.
type relayPacket struct {
	from    key
	message []byte
}

// relayBind takes the place of UDP sockets. An endpoint is the public key of a node.
type relayBind struct {
	send    func(to key, message []byte)
	packets chan relayPacket
	mu      sync.Mutex
	closed  chan struct{}
}

type relayEndpoint key

func newRelayBind(send func(to key, message []byte)) *relayBind {
	return &relayBind{send: send, packets: make(chan relayPacket, 4096)}
}

// received hands a message to WireGuard. It is lost when too many wait.
func (b *relayBind) received(from key, message []byte) {
	select {
	case b.packets <- relayPacket{from, append([]byte(nil), message...)}:
	default:
	}
}

func (b *relayBind) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	closed := make(chan struct{})
	b.closed = closed
	return []conn.ReceiveFunc{b.receiver(closed)}, 1, nil
}

// next waits for a message.
func (b *relayBind) next(buffer []byte, closed chan struct{}) (int, conn.Endpoint, error) {
	select {
	case packet := <-b.packets:
		return copy(buffer, packet.message), relayEndpoint(packet.from), nil
	case <-closed:
		return 0, nil, net.ErrClosed
	}
}

func (b *relayBind) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != nil {
		close(b.closed)
		b.closed = nil
	}
	return nil
}

func (b *relayBind) ParseEndpoint(text string) (conn.Endpoint, error) {
	k, err := parseKey(text)
	return relayEndpoint(k), err
}

func (b *relayBind) SetMark(uint32) error { return nil }

func (e relayEndpoint) ClearSrc()           {}
func (e relayEndpoint) SrcToString() string { return "" }
func (e relayEndpoint) DstToString() string { return key(e).hex() }
func (e relayEndpoint) DstToBytes() []byte  { return e[:] }
func (e relayEndpoint) DstIP() netip.Addr   { return netip.Addr{} }
func (e relayEndpoint) SrcIP() netip.Addr   { return netip.Addr{} }

// stackTun takes the place of a network interface: its packets go to gVisor's stack and come from there. TSMP pings are
// answered before the stack.
type stackTun struct {
	endpoint *channel.Endpoint
	injected chan []byte // packets that this program makes by itself
	pong     func(nonce uint64)
	packets  chan []byte
	events   chan tun.Event
	context  context.Context
	cancel   context.CancelFunc
}

func newStackTun(endpoint *channel.Endpoint, pong func(nonce uint64)) *stackTun {
	t := &stackTun{endpoint: endpoint, injected: make(chan []byte, 64), pong: pong,
		packets: make(chan []byte, 256), events: make(chan tun.Event, 1)}
	t.context, t.cancel = context.WithCancel(context.Background())
	t.events <- tun.EventUp
	go t.pump()
	return t
}

// pump moves the stack's packets to where next waits for packets of both kinds.
func (t *stackTun) pump() {
	for {
		packet := takePacket(t.context, t.endpoint)
		if packet == nil {
			return
		}
		select {
		case t.packets <- packet:
		case <-t.context.Done():
			return
		}
	}
}

// next waits for a packet.
func (t *stackTun) next(buffer []byte) (int, error) {
	select {
	case packet := <-t.packets:
		return copy(buffer, packet), nil
	case packet := <-t.injected:
		return copy(buffer, packet), nil
	case <-t.context.Done():
		return 0, os.ErrClosed
	}
}

// accept takes a packet that WireGuard has opened.
func (t *stackTun) accept(packet []byte) {
	switch {
	case len(packet) < ipv6Length || packet[0]>>4 != 6:
	case packet[6] == tsmpHeader:
		t.tsmp(packet)
	default:
		givePacket(t.endpoint, append([]byte(nil), packet...))
	}
}

// tsmp answers a ping, 'p' and eight bytes, by 'o', the eight bytes and a port; and tells of the answers to its own.
func (t *stackTun) tsmp(packet []byte) {
	payload := packet[ipv6Length:]
	switch {
	case len(payload) >= 9 && payload[0] == 'p':
		source, _ := netip.AddrFromSlice(packet[8:24])
		destination, _ := netip.AddrFromSlice(packet[24:40])
		say("pinged %d from %s", binary.BigEndian.Uint64(payload[1:]), source)
		answer := append([]byte{'o'}, payload[1:9]...)
		t.inject(ipPacket(destination, source, append(answer, 0, 0)))
	case len(payload) >= 9 && payload[0] == 'o':
		t.pong(binary.BigEndian.Uint64(payload[1:]))
	}
}

// ping sends a TSMP ping with any source.
func (t *stackTun) ping(source, destination netip.Addr, nonce uint64) {
	t.inject(ipPacket(source, destination, binary.BigEndian.AppendUint64([]byte{'p'}, nonce)))
}

func (t *stackTun) inject(packet []byte) {
	select {
	case t.injected <- packet:
	default:
	}
}

func ipPacket(source, destination netip.Addr, payload []byte) []byte {
	packet := make([]byte, ipv6Length, ipv6Length+len(payload))
	packet[0] = 6 << 4
	binary.BigEndian.PutUint16(packet[4:], uint16(len(payload)))
	packet[6], packet[7] = tsmpHeader, 64
	copy(packet[8:], source.AsSlice())
	copy(packet[24:], destination.AsSlice())
	return append(packet, payload...)
}

func (t *stackTun) Close() error {
	t.cancel()
	t.endpoint.Close()
	return nil
}

func (t *stackTun) File() *os.File        { return nil }
func (t *stackTun) MTU() (int, error)     { return mtu, nil }
func (t *stackTun) Name() (string, error) { return "peer", nil }
