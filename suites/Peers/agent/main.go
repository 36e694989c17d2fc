// Command peer is a real peer for the tests of Edge: an agent, or a client of agents, made of wireguard-go and gVisor's
// network stack as Debian packages them, behind a DERP client of its own. It tells what happens in lines on its output,
// and takes commands in lines on its input.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/device"
)

// legacyAddress is the one that all agents before v0.26.2 have.
var legacyAddress = netip.MustParseAddr("fd7a:115c:a1e0:49d6:b259:b7ac:b1b2:48f4")

// dialTimeout has room for a few handshakes: wireguard-go tries again after five seconds.
const dialTimeout = 25 * time.Second

type options struct {
	addresses       string
	home            int
	containers      string
	ignoredPorts    map[int]bool
	dropInitiations int
	handshake       bool
	keepAlive       bool
	notReady        bool
	sack            bool
	verbose         bool
	version         string
	impaired        impairment
}

func (o *options) logLevel() int {
	if o.verbose {
		return device.LogLevelVerbose
	}
	return device.LogLevelSilent
}

var output sync.Mutex

func say(format string, args ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format+"\n", args...)
}

func main() {
	rand.Seed(time.Now().UnixNano())
	o := &options{ignoredPorts: map[int]bool{}}
	mode := flag.String("mode", "agent", "agent, or client")
	base := flag.String("url", "", "URL of the API server")
	token := flag.String("token", os.Getenv("PEER_TOKEN"), "the agent's token, or the client's session token (PEER_TOKEN)")
	agentID := flag.String("agent", "", "client: id of the agent to reach")
	ignored := flag.String("ignore-ports", "", "ports that listening-ports leaves out, with commas")
	flag.StringVar(&o.addresses, "addresses", "id", "addresses to announce: id, legacy, or both")
	flag.IntVar(&o.home, "home", 0, "region of the home; 0 is the first of the map")
	flag.StringVar(&o.containers, "containers", "v2.25", "404, 403, or the age of the containers' routes: v2.21 to v2.25")
	flag.IntVar(&o.dropInitiations, "drop-initiations", 0, "how many initiations of WireGuard to drop at first")
	flag.BoolVar(&o.handshake, "handshake", false, "begin a handshake with each node as soon as it is known")
	flag.BoolVar(&o.keepAlive, "keep-alive", false, "persistent keep-alive, 25 s")
	flag.BoolVar(&o.notReady, "not-ready", false, "never report that the agent is ready")
	flag.BoolVar(&o.sack, "sack", true, "offer selective acknowledgements")
	flag.BoolVar(&o.verbose, "verbose", false, "the log of wireguard-go")
	flag.StringVar(&o.version, "version", "v2.7.3", "version to report")
	flag.Float64Var(&o.impaired.lossPercent, "loss", 0, "percent of packets to lose, each way")
	flag.DurationVar(&o.impaired.jump, "jump", 0, "for how long nothing passes the relays")
	flag.DurationVar(&o.impaired.jumpEvery, "jump-every", 0, "how often that happens")
	flag.Parse()
	for _, port := range strings.FieldsFunc(*ignored, func(r rune) bool { return r == ',' }) {
		number, err := strconv.Atoi(port)
		check(err)
		o.ignoredPorts[number] = true
	}
	parsed, err := url.Parse(*base)
	check(err)
	a := &api{base: parsed, token: *token}
	p := &process{api: a, options: o, agent: *agentID, isClient: *mode == "client"}
	check(p.start())
	p.commands()
}

func check(err error) {
	if err != nil {
		say("failed: %v", err)
		os.Exit(1)
	}
}

// process is the agent or client of this process, which a command can start again.
type process struct {
	api          *api
	options      *options
	agent        string
	isClient     bool
	node         *node
	coordination *coordination
}

func (p *process) start() error {
	path, derps := "me", (*derpMap)(nil)
	if p.isClient {
		var connection struct {
			DerpMap *derpMap `json:"derp_map"`
		}
		if err := p.api.call("GET", p.agent+"/connection", nil, &connection); err != nil {
			return err
		}
		path, derps = p.agent, connection.DerpMap
	} else {
		var m manifest
		if err := p.api.call("GET", "me/manifest", nil, &m); err != nil {
			return err
		}
		p.agent, derps = m.AgentID, m.DerpMap
	}
	id, addresses, err := p.identity()
	if err != nil {
		return err
	}
	n, err := newNode(p.api, derps, id, addresses, p.options)
	if err != nil {
		return err
	}
	if !p.isClient {
		newServices(p.options).listen(n)
	}
	p.node = n
	p.coordination = newCoordination(p.api, path, n)
	say("started %s %s %s", p.agent, n.public.hex(), addresses[0])
	if p.isClient {
		return nil
	}
	return p.report()
}

// identity is the node's number and its addresses: an agent's follow from its id, a client's are random.
func (p *process) identity() (int64, []netip.Addr, error) {
	uuid := make([]byte, 16)
	if p.isClient {
		rand.Read(uuid)
	} else if _, err := fmt.Sscanf(strings.ReplaceAll(p.agent, "-", ""), "%32x", &uuid); err != nil {
		return 0, nil, fmt.Errorf("the agent's id: %w", err)
	}
	id := int64(binary.BigEndian.Uint64(uuid[8:]))
	if id < 0 {
		id = -id
	}
	own := netip.AddrFrom16(*(*[16]byte)(append([]byte{0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0}, uuid[6:]...)))
	switch {
	case p.options.addresses == "legacy" && !p.isClient:
		return id, []netip.Addr{legacyAddress}, nil
	case p.options.addresses == "both" && !p.isClient:
		return id, []netip.Addr{own, legacyAddress}, nil
	}
	return id, []netip.Addr{own}, nil
}

// report says what an agent says of itself at its start.
func (p *process) report() error {
	startup := object{"version": p.options.version, "expanded_directory": "/", "subsystems": []string{}}
	if err := p.api.call("POST", "me/startup", startup, nil); err != nil {
		return err
	}
	if p.options.notReady {
		return nil
	}
	return p.api.call("POST", "me/report-lifecycle", object{"state": "ready", "changed_at": time.Now().UTC()}, nil)
}

// commands runs the lines of the input, and returns at its end.
func (p *process) commands() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if err := p.command(words[0], words[1:]); err != nil {
			say("%s failed: %v", words[0], err)
		}
	}
}

func (p *process) command(name string, args []string) error {
	argument := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch name {
	case "restart": // with new keys, as an agent that was killed
		p.node.close()
		p.coordination.close()
		return p.start()
	case "uncoordinate": // <seconds>
		seconds, err := strconv.ParseFloat(argument(0), 64)
		if err != nil {
			return err
		}
		p.coordination.cut <- time.Duration(seconds * float64(time.Second))
	case "home": // <region>
		region, err := strconv.Atoi(argument(0))
		if err != nil {
			return err
		}
		p.node.relays.setHome(region)
	case "ping": // <nonce> [source]: a TSMP ping, also with a source that is not this node's
		return p.ping(argument(0), argument(1))
	case "dial": // <port>: to the node that the coordinator has named
		return p.dial(argument(0))
	case "listen": // <port>: a port of this machine leads to that port of the peer
		return p.listen(argument(0))
	case "flooded": // how many bytes of floods have been taken
		say("flooded %d", atomic.LoadInt64(&flooded))
	default:
		return errors.New("no such command")
	}
	return nil
}

func (p *process) ping(nonce, source string) error {
	number, err := strconv.ParseUint(nonce, 10, 64)
	if err != nil {
		return err
	}
	from := p.node.addresses[0]
	if source != "" {
		if from, err = netip.ParseAddr(source); err != nil {
			return err
		}
	}
	to, ok := p.node.anyPeer()
	if !ok {
		return errors.New("no peer")
	}
	p.node.tun.ping(from, to, number)
	return nil
}

func (p *process) dial(port string) error {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := p.node.dial(limit, uint16(number))
	if err != nil {
		return err
	}
	say("dial connected")
	return conn.Close()
}

// listen says where it listens. A connection that the peer refuses is reset.
func (p *process) listen(port string) error {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	say("listening %d %s", number, listener.Addr())
	go func() {
		for {
			local, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(local.(*net.TCPConn), uint16(number))
		}
	}()
	return nil
}

func (p *process) carry(local *net.TCPConn, port uint16) {
	limit, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	remote, err := p.node.dial(limit, port)
	if err != nil {
		say("port %d: %v", port, err)
		local.SetLinger(0)
		local.Close()
		return
	}
	splice(local, remote)
}
