//go:build !gvisor_2023

package main

import (
	"context"
	"net/netip"

	"gvisor.dev/gvisor/pkg/bufferv2"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// gVisor's names as Debian 12 has them.

func ipAddress(address netip.Addr) tcpip.Address { return tcpip.Address(address.AsSlice()) }

// takePacket waits for a packet of the stack; nil is the end.
func takePacket(ctx context.Context, endpoint *channel.Endpoint) []byte {
	packet := endpoint.ReadContext(ctx)
	if packet.IsNil() {
		return nil
	}
	defer packet.DecRef()
	return packet.ToView().AsSlice()
}

// givePacket gives the stack a packet, whose memory is the stack's from then on.
func givePacket(endpoint *channel.Endpoint, packet []byte) {
	inbound := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: bufferv2.MakeWithData(packet)})
	defer inbound.DecRef()
	endpoint.InjectInbound(header.IPv6ProtocolNumber, inbound)
}
