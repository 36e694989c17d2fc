package main

import (
	"math/rand"
	"net"
	"strconv"
	"sync"
	"time"
)

// derpMap is the map of relays, with the names that the API server writes.
type derpMap struct {
	Regions map[string]*region
}

type region struct {
	EmbeddedRelay bool
	RegionID      int
	Nodes         []*struct {
		HostName  string
		IPv4      string
		DERPPort  int
		ForceHTTP bool
		STUNOnly  bool
	}
}

// impairment is what a test does to all packets between this node and its relays.
type impairment struct {
	lossPercent float64
	jump        time.Duration // for so long nothing passes
	jumpEvery   time.Duration // once in such a time
}

func (i impairment) isLost() bool { return i.lossPercent > 0 && rand.Float64()*100 < i.lossPercent }

// hold waits for the end of the present jump, if there is one. What comes behind waits as well, so the order stays.
func (i impairment) hold() {
	if i.jump > 0 && i.jumpEvery > 0 {
		if phase := time.Duration(time.Now().UnixNano()) % i.jumpEvery; phase < i.jump {
			time.Sleep(i.jump - phase)
		}
	}
}

// relays are the connections to the regions of the map: the home's is always up, others are dialed when they are needed.
type relays struct {
	api       *api
	derps     *derpMap
	impaired  impairment
	private   key
	public    key
	receive   func(region int, from key, packet []byte)
	gone      func(region int, peer key)
	homeIs    func(region int)
	mu        sync.Mutex
	home      int
	conns     map[int]*derpConn
	dialing   map[int]bool
	stop      chan struct{}
	closeOnce sync.Once
}

func newRelays(a *api, m *derpMap, impaired impairment, private, public key) *relays {
	return &relays{api: a, derps: m, impaired: impaired, private: private, public: public,
		conns: map[int]*derpConn{}, dialing: map[int]bool{}, stop: make(chan struct{})}
}

// firstRegion is the lowest region with a relay, or 0.
func (m *derpMap) firstRegion() int {
	first := 0
	for _, r := range m.Regions {
		if _, _, ok := r.address(nil); ok && (first == 0 || r.RegionID < first) {
			first = r.RegionID
		}
	}
	return first
}

// address is where the region's relay listens, and whether with TLS. The embedded one is where the API server is.
func (r *region) address(a *api) (string, bool, bool) {
	if r.EmbeddedRelay {
		if a == nil {
			return "", false, true
		}
		return a.host(), a.base.Scheme == "https", true
	}
	for _, node := range r.Nodes {
		if node.STUNOnly {
			continue
		}
		host, port := node.HostName, node.DERPPort
		if node.IPv4 != "" && node.IPv4 != "none" {
			host = node.IPv4
		}
		if port == 0 && node.ForceHTTP {
			port = 80
		} else if port == 0 {
			port = 443
		}
		return net.JoinHostPort(host, strconv.Itoa(port)), !node.ForceHTTP, true
	}
	return "", false, false
}

// setHome makes a region the home; homeIs is called when it is connected.
func (r *relays) setHome(id int) {
	r.mu.Lock()
	r.home = id
	conn := r.conns[id]
	r.mu.Unlock()
	if conn != nil {
		conn.send(frameNotePreferred, []byte{1})
		r.homeIs(id)
		return
	}
	r.dial(id)
}

// send sends a packet through its receiver's home. Without a connection to that it takes the region that the receiver has
// sent through, and without that too the packet is lost, and the home is dialed.
func (r *relays) send(home, route int, to key, packet []byte) {
	r.impaired.hold()
	if r.impaired.isLost() {
		return
	}
	r.mu.Lock()
	conn := r.conns[home]
	if conn == nil {
		conn = r.conns[route]
	}
	r.mu.Unlock()
	if conn == nil {
		r.dial(home)
		return
	}
	conn.sendPacket(to, packet)
}

func (r *relays) dial(id int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dialing[id] || r.isStopped() {
		return
	}
	r.dialing[id] = true
	go r.run(id)
}

// run keeps the connection to a region. That of the home is dialed again, with growing pauses of at most a second.
func (r *relays) run(id int) {
	pause := 20 * time.Millisecond
	for !r.isStopped() {
		if r.serve(id) {
			pause = 20 * time.Millisecond
		}
		r.mu.Lock()
		delete(r.conns, id)
		again := r.home == id
		if !again {
			delete(r.dialing, id)
		}
		r.mu.Unlock()
		if !again {
			return
		}
		select {
		case <-r.stop:
		case <-time.After(pause):
		}
		if pause *= 2; pause > time.Second {
			pause = time.Second
		}
	}
}

func (r *relays) serve(id int) bool {
	region := r.derps.Regions[strconv.Itoa(id)]
	if region == nil {
		say("no region %d", id)
		return false
	}
	address, secure, _ := region.address(r.api)
	r.mu.Lock()
	isHome := r.home == id
	r.mu.Unlock()
	conn, err := dialDerp(address, secure, r.private, r.public, isHome)
	if err != nil {
		say("relay %d: %v", id, err)
		return false
	}
	defer conn.close()
	r.mu.Lock()
	r.conns[id] = conn
	isHome = r.home == id
	stopped := r.isStopped()
	r.mu.Unlock()
	if stopped {
		return true
	}
	if isHome {
		r.homeIs(id)
	}
	buffer := make([]byte, 70<<10)
	for {
		from, packet, err := conn.receive(buffer)
		if err != nil {
			if !r.isStopped() {
				say("relay %d ended: %v", id, err)
			}
			return true
		}
		if packet == nil {
			r.gone(id, from)
			continue
		}
		r.impaired.hold()
		if !r.impaired.isLost() {
			r.receive(id, from, packet)
		}
	}
}

func (r *relays) isStopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

func (r *relays) close() {
	r.closeOnce.Do(func() { close(r.stop) })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		conn.close()
	}
}
