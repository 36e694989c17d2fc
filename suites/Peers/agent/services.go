package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	terminalPort  = 2
	speedtestPort = 3
	httpPort      = 4
	maxHalfOpen   = 1024
)

// services are what an agent serves in the tailnet.
type services struct {
	terminals terminals
	http      http.Server
	httpConns chan net.Conn
}

func newServices(o *options) *services {
	s := &services{httpConns: make(chan net.Conn, 64)}
	s.http = http.Server{Handler: newHTTP(o), ReadTimeout: 20 * time.Second, ReadHeaderTimeout: 20 * time.Second,
		WriteTimeout: 20 * time.Second}
	go s.http.Serve(connListener(s.httpConns))
	return s
}

// listen takes all TCP connections that come to the node.
func (s *services) listen(n *node) {
	forwarder := tcp.NewForwarder(n.stack, 0, maxHalfOpen, func(request *tcp.ForwarderRequest) { s.accept(request) })
	n.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, forwarder.HandlePacket)
}

// accept answers a SYN: by the service of its port, or by a port of this machine, to which it connects before.
func (s *services) accept(request *tcp.ForwarderRequest) {
	port := request.ID().LocalPort
	var target net.Conn
	if port < terminalPort || port > httpPort {
		var err error
		if target, err = net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))), 5*time.Second); err != nil {
			request.Complete(true)
			return
		}
	}
	var queue waiter.Queue
	endpoint, err := request.CreateEndpoint(&queue)
	if err != nil {
		request.Complete(true)
		if target != nil {
			target.Close()
		}
		return
	}
	request.Complete(false)
	conn := gonet.NewTCPConn(&queue, endpoint)
	switch port {
	case terminalPort:
		s.terminals.serve(conn)
	case speedtestPort:
		speedtest(conn)
	case httpPort:
		s.httpConns <- conn
	default:
		splice(conn, target)
	}
}

// half is a connection of which one direction can be closed.
type half interface {
	net.Conn
	CloseWrite() error
}

// splice copies both ways until both have ended.
func splice(one, other net.Conn) {
	defer one.Close()
	defer other.Close()
	done := make(chan struct{}, 2)
	move := func(from, to net.Conn) {
		_, err := io.Copy(to, from)
		if closer, ok := to.(half); ok && err == nil {
			closer.CloseWrite()
		} else {
			one.Close()
			other.Close()
		}
		done <- struct{}{}
	}
	go move(one, other)
	go move(other, one)
	<-done
	<-done
}

type speedtestRequest struct {
	Version   int           `json:"version"`
	Time      time.Duration `json:"time"`
	Direction int           `json:"direction"` // 0: the agent sends
}

// speedtest sends or takes bytes for the time that its client has asked for.
func speedtest(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	line, err := reader.ReadBytes('\n')
	if err != nil {
		return
	}
	var request speedtestRequest
	if err := json.Unmarshal(line, &request); err != nil || request.Version != 2 {
		io.WriteString(conn, `{"error":"not a request of version 2"}`+"\n")
		return
	}
	if _, err := io.WriteString(conn, "{}\n"); err != nil {
		return
	}
	conn.SetDeadline(time.Now().Add(request.Time + 5*time.Second))
	block := make([]byte, 2<<20)
	for end := time.Now().Add(request.Time); time.Now().Before(end); {
		if request.Direction == 0 {
			_, err = conn.Write(block)
		} else {
			_, err = reader.Read(block)
		}
		if err != nil {
			return
		}
	}
	if request.Direction != 0 {
		io.Copy(io.Discard, reader) // a client that sends closes by itself
	}
}

// connListener gives connections that were accepted elsewhere to the HTTP server.
type connListener chan net.Conn

func (l connListener) Accept() (net.Conn, error) {
	conn, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l connListener) Close() error   { return nil }
func (l connListener) Addr() net.Addr { return &net.TCPAddr{Port: httpPort} }

// dial opens a connection to a port of a peer.
func (n *node) dial(ctx context.Context, port uint16) (*gonet.TCPConn, error) {
	address, ok := n.anyPeer()
	if !ok {
		return nil, io.ErrClosedPipe
	}
	target := tcpip.FullAddress{NIC: nic, Addr: ipAddress(address), Port: port}
	return gonet.DialContextTCP(ctx, n.stack, target, ipv6.ProtocolNumber)
}
