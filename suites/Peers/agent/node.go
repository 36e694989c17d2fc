package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/curve25519"
	"golang.zx2c4.com/wireguard/device"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const nic = 1

// node is one end of a tailnet: keys, WireGuard, a network stack, and the relays. An agent that starts again is another one.
type node struct {
	id        int64
	private   key
	public    key
	disco     key
	addresses []netip.Addr
	stack     *stack.Stack
	tun       *stackTun
	bind      *relayBind
	device    *device.Device
	relays    *relays
	options   *options
	toDrop    int32 // initiations of WireGuard that are still to be dropped

	mu    sync.Mutex
	peers map[key]*peer
	known map[int64]key
	home  int
	news  chan struct{} // has an element when the node is to be announced again
}

// peer is another node that the coordinator has named.
type peer struct {
	address netip.Addr
	home    int
	route   int       // the region that its last packet came through, or 0
	since   time.Time // when the coordinator named it with this key
	isUp    bool      // whether a session has carried something of it since then
}

func newKey() (private, public key) {
	if _, err := rand.Read(private[:]); err != nil {
		panic(err)
	}
	private[0] &= 248
	private[31] = private[31]&127 | 64
	point, err := curve25519.X25519(private[:], curve25519.Basepoint)
	if err != nil {
		panic(err)
	}
	copy(public[:], point)
	return private, public
}

func parseKey(text string) (key, error) {
	var k key
	digits := text[strings.Index(text, ":")+1:]
	if n, err := hex.Decode(k[:], []byte(digits)); err != nil || n != len(k) || len(digits) != 2*len(k) {
		return key{}, fmt.Errorf("not a key: %q", text)
	}
	return k, nil
}

func newNode(a *api, m *derpMap, id int64, addresses []netip.Addr, o *options) (*node, error) {
	n := &node{id: id, addresses: addresses, options: o, toDrop: int32(o.dropInitiations),
		peers: map[key]*peer{}, known: map[int64]key{}, news: make(chan struct{}, 1)}
	n.private, n.public = newKey()
	_, n.disco = newKey()
	n.relays = newRelays(a, m, o.impaired, n.private, n.public)
	n.relays.receive = n.received
	n.relays.gone = n.gone
	n.relays.homeIs = n.homeIs

	endpoint := channel.New(1024, mtu, "")
	var err error
	if n.stack, err = newStack(endpoint, addresses, o.sack); err != nil {
		return nil, err
	}
	n.tun = newStackTun(endpoint, func(nonce uint64) { say("pong %d", nonce) })
	n.bind = newRelayBind(n.send)
	n.device = device.NewDevice(n.tun, n.bind, device.NewLogger(o.logLevel(), ""))
	if err := n.device.IpcSet("private_key=" + n.private.hex() + "\n"); err != nil {
		return nil, err
	}
	if err := n.device.Up(); err != nil {
		return nil, err
	}
	home := o.home
	if home == 0 {
		home = m.firstRegion()
	}
	n.relays.setHome(home)
	return n, nil
}

// newStack makes the network stack that agents of today have: SACK, CUBIC, no RACK, buffers of some MiB, five repetitions.
func newStack(endpoint *channel.Endpoint, addresses []netip.Addr, sack bool) (*stack.Stack, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol6},
		HandleLocal:        true,
	})
	enabled := tcpip.TCPSACKEnabled(sack)
	noRack := tcpip.TCPRecovery(0)
	cubic := tcpip.CongestionControlOption("cubic")
	retries := tcpip.TCPMaxRetriesOption(5)
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: tcp.DefaultReceiveBufferSize, Max: 6 << 20}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: tcp.DefaultSendBufferSize, Max: 4 << 20}
	for _, option := range []tcpip.SettableTransportProtocolOption{&enabled, &noRack, &cubic, &retries, &receive, &send} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return nil, fmt.Errorf("option %T of TCP: %v", option, err)
		}
	}
	if err := s.CreateNIC(nic, endpoint); err != nil {
		return nil, fmt.Errorf("the interface: %v", err)
	}
	for _, address := range addresses {
		protocol := tcpip.ProtocolAddress{
			Protocol:          ipv6.ProtocolNumber,
			AddressWithPrefix: ipAddress(address).WithPrefix(),
		}
		if err := s.AddProtocolAddress(nic, protocol, stack.AddressProperties{}); err != nil {
			return nil, fmt.Errorf("address %s: %v", address, err)
		}
	}
	s.AddRoute(tcpip.Route{Destination: header.IPv6EmptySubnet, NIC: nic})
	return s, nil
}

// homeIs is called when the home is connected: the node is announced from then on.
func (n *node) homeIs(region int) {
	n.mu.Lock()
	n.home = region
	n.mu.Unlock()
	say("home %d", region)
	n.announce()
}

func (n *node) announce() {
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// wire is the node as the coordinator is told it; false before it has a home.
func (n *node) wire() (wireNode, bool) {
	n.mu.Lock()
	home := n.home
	n.mu.Unlock()
	prefixes := make([]string, len(n.addresses))
	for i, address := range n.addresses {
		prefixes[i] = address.String() + "/128"
	}
	return wireNode{
		ID: n.id, AsOf: time.Now().UTC(), Key: "nodekey:" + n.public.hex(), Disco: "discokey:" + n.disco.hex(),
		PreferredDERP: home, DERPLatency: map[string]float64{fmt.Sprintf("%d-v4", home): 0.001},
		DERPForcedWebsockets: map[string]string{}, Addresses: prefixes, AllowedIPs: prefixes, Endpoints: []string{},
	}, home != 0
}

// learn takes a node from the coordinator, and makes it a peer of WireGuard.
func (n *node) learn(w wireNode) error {
	k, err := parseKey(w.Key)
	if err != nil {
		return err
	}
	if w.PreferredDERP == 0 || len(w.Addresses) == 0 || k == n.public {
		say("ignored a node without home or address")
		return nil
	}
	address, err := netip.ParsePrefix(w.Addresses[0])
	if err != nil {
		return err
	}
	n.mu.Lock()
	old, isKnown := n.known[w.ID]
	p, hasPeer := n.peers[k]
	if !hasPeer {
		p = &peer{since: time.Now()}
		n.peers[k] = p
	}
	p.address, p.home = address.Addr(), w.PreferredDERP
	n.known[w.ID] = k
	if isKnown && old != k {
		delete(n.peers, old)
	}
	n.mu.Unlock()

	config := ""
	if isKnown && old != k {
		config = "public_key=" + old.hex() + "\nremove=true\n"
	}
	config += "public_key=" + k.hex() + "\nendpoint=" + k.hex() + "\nreplace_allowed_ips=true\n"
	for _, allowed := range w.AllowedIPs {
		config += "allowed_ip=" + allowed + "\n"
	}
	if n.options.keepAlive {
		config += "persistent_keepalive_interval=25\n"
	}
	if err := n.device.IpcSet(config); err != nil {
		return err
	}
	if n.options.handshake && !hasPeer {
		n.device.LookupPeer(device.NoisePublicKey(k)).SendHandshakeInitiation(false)
	}
	say("node %d %s %s home %d", w.ID, k.hex(), address.Addr(), w.PreferredDERP)
	return nil
}

// anyPeer is the address of a peer: a client has no other than its agent, and an agent of tests mostly the tailnet node.
func (n *node) anyPeer() (netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.peers {
		return p.address, true
	}
	return netip.Addr{}, false
}

func (n *node) send(to key, message []byte) {
	n.mu.Lock()
	home, route := 0, 0
	if p := n.peers[to]; p != nil {
		home, route = p.home, p.route
	}
	n.mu.Unlock()
	if home != 0 {
		n.relays.send(home, route, to, message)
	}
}

func (n *node) gone(region int, from key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.peers[from]; p != nil && p.route == region {
		p.route = 0
	}
}

// received takes a packet from a relay. Those of unknown keys and disco's are dropped before WireGuard, as agents do.
func (n *node) received(region int, from key, packet []byte) {
	if len(packet) < 4 || packet[0] < device.MessageInitiationType || packet[0] > device.MessageTransportType || packet[1] != 0 {
		return
	}
	isTransport := packet[0] == device.MessageTransportType
	n.mu.Lock()
	p := n.peers[from]
	isFirst := p != nil && isTransport && !p.isUp
	if p != nil {
		p.route = region
		p.isUp = p.isUp || isTransport
	}
	n.mu.Unlock()
	if p == nil {
		return
	}
	if isFirst {
		say("up %d ms", time.Since(p.since).Milliseconds())
	}
	if packet[0] == device.MessageInitiationType {
		if atomic.AddInt32(&n.toDrop, -1) >= 0 {
			say("initiation dropped")
			return
		}
		say("initiation")
	}
	n.bind.received(from, packet)
}

// close ends the node without a word to its peers, as a process that is killed.
func (n *node) close() {
	n.relays.close()
	n.device.Close()
	n.stack.Close()
}
