using System.Runtime.CompilerServices;
using Sockets;
using Tailnet.Coordination.Shared;
using Tailnet.Messages;

namespace Tailnet.Coordination;

/// <summary>A peer's connection to a coordinator, whose lock guards everything here except the signal.</summary>
internal sealed class CoordinatedPeer(CoordinatorCore coordinator, Guid id, ICoordinateeAuth auth, CoordinatorOptions options)
    : ICoordinatedPeer
{
    private readonly AsyncSignal _news = new();

    public Guid Id { get; } = id;

    public PeerMailbox Mailbox { get; } = new(options);

    public NodeSnapshot? Node { get; set; }

    public bool IsOver { get; private set; }

    /// <summary>What other servers must know; null when there are none.</summary>
    public SharedPeer? Shared { get; set; }

    public void Wake() => _news.Set();

    /// <summary>Ends the connection: later requests are refused; the rest of the mailbox can still be read.</summary>
    public void End(string? error)
    {
        if (IsOver)
        {
            return;
        }

        IsOver = true;
        if (error is not null)
        {
            Mailbox.Error(error);
        }

        _news.Set();
    }

    public async ValueTask<bool> HandleAsync(CoordinateRequest request, CancellationToken cancellationToken)
    {
        if (await auth.CheckAsync(request, cancellationToken).ConfigureAwait(false) is { } refusal)
        {
            coordinator.Lose(this, "authorization: " + refusal);
            return false;
        }

        return coordinator.Handle(this, request);
    }

    // Thousands of peers wait here most of the time, so the state machines are pooled.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<CoordinateResponse?> ReadAsync(CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(static news => ((AsyncSignal)news!).Set(), _news)
            .ConfigureAwait(false);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (coordinator.Take(this, out var over) is { } response)
            {
                return response;
            }

            if (over)
            {
                return null;
            }

            await _news.WaitAsync().ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync()
    {
        coordinator.Lose(this);
        return ValueTask.CompletedTask;
    }
}
