//go:build !wireguard_batches

package main

import (
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"
)

// wireguard-go as Debian 12 has it: one packet at a time.

func (b *relayBind) receiver(closed chan struct{}) conn.ReceiveFunc {
	return func(buffer []byte) (int, conn.Endpoint, error) { return b.next(buffer, closed) }
}

func (b *relayBind) Send(message []byte, endpoint conn.Endpoint) error {
	b.send(key(endpoint.(relayEndpoint)), message)
	return nil
}

func (t *stackTun) Read(buffer []byte, offset int) (int, error) { return t.next(buffer[offset:]) }

func (t *stackTun) Write(buffer []byte, offset int) (int, error) {
	t.accept(buffer[offset:])
	return len(buffer) - offset, nil
}

func (t *stackTun) Flush() error           { return nil }
func (t *stackTun) Events() chan tun.Event { return t.events }
