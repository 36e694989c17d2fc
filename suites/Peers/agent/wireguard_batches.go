//go:build wireguard_batches

package main

import (
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"
)

// wireguard-go of 2023 and later: batches of packets, of which this program uses only those with one.

func (b *relayBind) receiver(closed chan struct{}) conn.ReceiveFunc {
	return func(buffers [][]byte, sizes []int, endpoints []conn.Endpoint) (int, error) {
		var err error
		if sizes[0], endpoints[0], err = b.next(buffers[0], closed); err != nil {
			return 0, err
		}
		return 1, nil
	}
}

func (b *relayBind) Send(messages [][]byte, endpoint conn.Endpoint) error {
	for _, message := range messages {
		b.send(key(endpoint.(relayEndpoint)), message)
	}
	return nil
}

func (b *relayBind) BatchSize() int { return 1 }

func (t *stackTun) Read(buffers [][]byte, sizes []int, offset int) (int, error) {
	var err error
	if sizes[0], err = t.next(buffers[0][offset:]); err != nil {
		return 0, err
	}
	return 1, nil
}

func (t *stackTun) Write(buffers [][]byte, offset int) (int, error) {
	for _, buffer := range buffers {
		t.accept(buffer[offset:])
	}
	return len(buffers), nil
}

func (t *stackTun) BatchSize() int           { return 1 }
func (t *stackTun) Events() <-chan tun.Event { return t.events }
