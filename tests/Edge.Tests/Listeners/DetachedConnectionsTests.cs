using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Edge.Listeners;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Streams;

namespace Edge.Tests.Listeners;

/// <summary>Streams on connections that were detached from HTTP: how a stop waits for them, and which ones cannot be detached.</summary>
public sealed class DetachedConnectionsTests : IDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    private readonly Socket _client;
    private readonly Socket _server;

    public DetachedConnectionsTests()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _client.Connect(listener.LocalEndPoint!);
        _server = listener.Accept();
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task AStreamThatDoesNotHeedItsResetIsNotWaitedForBeyondTheDeadline()
    {
        var detached = new DetachedConnections(NullLogger.Instance, TimeProvider.System);
        var never = new TaskCompletionSource();
        var over = new TaskCompletionSource();
        detached.Start(new SocketTransport(_server), _ => never.Task, over.SetResult);
        using var deadline = new CancellationTokenSource();
        await deadline.CancelAsync();

        await detached.EndAsync(deadline.Token).WaitAsync(Guard, TestContext.Current.CancellationToken);

        Assert.Equal(1, detached.Count);
        never.SetResult();
        await over.Task.WaitAsync(Guard, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task WhatStandsBeforeHttpAndIsNoTlsIsNotTakenForIt()
    {
        await using var connection = new SocketConnection(_server, 64 << 10) { KeepsTls = true };
        var pipe = new Pipe();
        connection.Transport = new Layer(pipe.Reader, pipe.Writer);

        Assert.Null(connection.Features.Get<ISslStreamFeature>());
        Assert.False(connection.TryDetach(static _ => Task.CompletedTask));
        Assert.False(connection.IsDetached);
    }

    private sealed record Layer(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
