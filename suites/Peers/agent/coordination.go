package main

import (
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/net/websocket"
)

// coordination keeps a session with the coordinator: it announces the node and learns those of others.
type coordination struct {
	api   *api
	path  string // of the agent below workspaceagents: "me" or an id
	cut   chan time.Duration
	stop  chan struct{}
	ended chan struct{}
}

func newCoordination(a *api, path string, n *node) *coordination {
	c := &coordination{api: a, path: path, cut: make(chan time.Duration), stop: make(chan struct{}), ended: make(chan struct{})}
	go c.run(n)
	return c
}

func (c *coordination) run(n *node) {
	defer close(c.ended)
	for {
		pause, err := c.session(n)
		if err != nil {
			say("coordination ended: %v", err)
			pause = 100 * time.Millisecond
		}
		select {
		case <-c.stop:
			return
		case <-time.After(pause):
		}
	}
}

// session runs until its end, or until a test cuts it for some time.
func (c *coordination) session(n *node) (time.Duration, error) {
	conn, err := c.api.coordinate(c.path)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	failed := make(chan error, 1)
	go func() { failed <- learnAll(conn, n) }()
	n.announce()
	isNew := true
	for {
		select {
		case <-n.news:
			wire, ok := n.wire()
			if !ok {
				continue
			}
			if err := json.NewEncoder(conn).Encode(wire); err != nil {
				return 0, err
			}
			if isNew {
				say("coordinated")
			}
			isNew = false
		case err := <-failed:
			return 0, err
		case pause := <-c.cut:
			say("coordination cut")
			return pause, nil
		case <-c.stop:
			return 0, nil
		}
	}
}

func learnAll(conn *websocket.Conn, n *node) error {
	decoder := json.NewDecoder(conn)
	for {
		var nodes []wireNode
		if err := decoder.Decode(&nodes); err != nil {
			return fmt.Errorf("reading nodes: %w", err)
		}
		for _, wire := range nodes {
			if err := n.learn(wire); err != nil {
				return fmt.Errorf("node %d: %w", wire.ID, err)
			}
		}
	}
}

func (c *coordination) close() {
	close(c.stop)
	<-c.ended
}
