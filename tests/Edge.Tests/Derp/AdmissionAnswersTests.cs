using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Edge.Derp.Admission;
using Microsoft.Extensions.DependencyInjection;
using Relay.Derp;
using Relay.Derp.Wire;

namespace Edge.Tests.Derp;

/// <summary>What is remembered of an authority's answers, and how often it is asked.</summary>
public sealed class AdmissionAnswersTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ManualTimeProvider _clock = new();
    private readonly CapturedLog _log = new();
    private readonly Authority _authority = new();
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private AdmissionAnswers? _answers;

    private AdmissionAnswers Answers => _answers ??= new AdmissionAnswers(
        _authority, new DerpAdmissionSettings(), new AdmissionMetrics(_services.GetRequiredService<IMeterFactory>()), _clock,
        _log.CreateLogger("test"));

    public void Dispose()
    {
        _answers?.Dispose();
        _services.Dispose();
        _log.Dispose();
    }

    [Theory]
    [InlineData(AdmissionVerdict.Admitted, 60)]
    [InlineData(AdmissionVerdict.Refused, 10)]
    public async Task AnAnswerHoldsForItsTimeAndNoLonger(object expected, int seconds)
    {
        var verdict = (AdmissionVerdict)expected;
        _authority.Answer = verdict;
        var client = Client();

        Assert.Equal(verdict, await GetAsync(client));
        _clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(verdict, await GetAsync(client));
        Assert.Single(_authority.Asked);

        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(verdict, await GetAsync(client));
        Assert.Equal(2, _authority.Asked.Count);
    }

    [Theory]
    [InlineData(AdmissionVerdict.Unreachable)]
    [InlineData(AdmissionVerdict.Unusable)]
    public async Task NoAnswerIsNotRemembered(object expected)
    {
        _authority.Answer = (AdmissionVerdict)expected;
        var client = Client();
        Assert.Equal((AdmissionVerdict)expected, await GetAsync(client));

        _authority.Answer = AdmissionVerdict.Admitted;

        Assert.Equal(AdmissionVerdict.Admitted, await GetAsync(client));
        Assert.Equal(2, _authority.Asked.Count);
    }

    [Fact]
    public async Task AskingAgainReplacesWhatWasRemembered()
    {
        var client = Client();
        Assert.Equal(AdmissionVerdict.Admitted, await GetAsync(client));

        _authority.Answer = AdmissionVerdict.Refused;

        Assert.Equal(AdmissionVerdict.Refused, await Answers.AskAgainAsync(client).WaitAsync(Patience));
        Assert.Equal(AdmissionVerdict.Refused, await GetAsync(client));
        Assert.Equal(2, _authority.Asked.Count);
    }

    [Fact]
    public async Task AKeyFromAnotherAddressIsAnotherQuestionWhereTheAddressCounts()
    {
        var client = Client();

        await GetAsync(client);
        await GetAsync(client with { Source = IPAddress.Parse("198.51.100.1") });
        Assert.Equal(2, _authority.Asked.Count);

        _authority.LooksAtAddress = false;
        await GetAsync(client);
        await GetAsync(client with { Source = IPAddress.Parse("198.51.100.2") });
        Assert.Equal(3, _authority.Asked.Count);
    }

    [Fact]
    public async Task ThoseWhoWaitForTheSameAnswerShareOneQuestion()
    {
        _authority.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var client = Client();

        var waiting = Enumerable.Range(0, 50).Select(_ => GetAsync(client)).ToArray();
        _authority.Gate.SetResult();

        Assert.All(await Task.WhenAll(waiting), static verdict => Assert.Equal(AdmissionVerdict.Admitted, verdict));
        Assert.Single(_authority.Asked);
    }

    [Fact]
    public async Task OnlySoManyAreAskedAboutAtOnceAndWhoWaitsTooLongGetsNoAnswer()
    {
        _authority.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        var waiting = Enumerable.Range(0, AdmissionAnswers.MaxAsks + 10).Select(_ => GetAsync(Client())).ToArray();
        await Eventually.TrueAsync(
            () => _authority.Asked.Count == AdmissionAnswers.MaxAsks && _clock.PendingTimers == waiting.Length,
            "all wait, and all turns are taken");
        _clock.Advance(TimeSpan.FromSeconds(5));

        Assert.All(await Task.WhenAll(waiting).WaitAsync(Patience), static verdict => Assert.Equal(AdmissionVerdict.Unreachable, verdict));
        Assert.Equal(AdmissionVerdict.Admitted, await ReopenedAsync());
    }

    [Fact]
    public async Task OnlyNoAnswerAtAllLetsIn()
    {
        _authority.FailsOpen = true;
        foreach (var (answer, expected) in new[]
        {
            (AdmissionVerdict.Unreachable, AdmissionVerdict.FailOpen),
            (AdmissionVerdict.Unusable, AdmissionVerdict.Unusable),
            (AdmissionVerdict.Refused, AdmissionVerdict.Refused),
        })
        {
            _authority.Answer = answer;
            Assert.Equal(expected, await GetAsync(Client()));
        }
    }

    [Fact]
    public async Task TroubleIsLoggedWhenItBeginsAndWhenItEnds()
    {
        foreach (var answer in new[]
        {
            AdmissionVerdict.Admitted, AdmissionVerdict.Unreachable, AdmissionVerdict.Unreachable, AdmissionVerdict.Refused,
            AdmissionVerdict.Admitted,
        })
        {
            _authority.Answer = answer;
            await GetAsync(Client());
        }

        Assert.Equal(["Warning", "Information"], _log.Lines.Select(static line => line.Split(' ')[0]));
    }

    [Fact]
    public void TheSetForgetsTheOldestFirstAndNeverGrowsBeyondItsSize()
    {
        var set = new ExpiringSet(3, TimeSpan.FromSeconds(10), _clock);
        var clients = Enumerable.Range(0, 5).Select(_ => Client()).ToArray();
        foreach (var client in clients[..3])
        {
            set.Add(client);
        }

        set.Add(clients[0]);
        set.Add(clients[3]);

        Assert.Equal([true, false, true, true], clients[..4].Select(set.Contains));
        Assert.Equal(3, set.Count);
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.DoesNotContain(clients, set.Contains);
        set.Add(clients[4]);
        Assert.Equal(1, set.Count);
    }

    private static DerpAdmissionRequest Client() => new(NodePrivateKey.Generate().PublicKey, IPAddress.Parse("203.0.113.7"));

    private Task<AdmissionVerdict> GetAsync(DerpAdmissionRequest client) => Answers.GetAsync(client).AsTask().WaitAsync(Patience);

    private Task<AdmissionVerdict> ReopenedAsync()
    {
        _authority.Gate = null;
        return GetAsync(Client());
    }

    private sealed class Authority : IAdmissionAuthority
    {
        public AdmissionSource Source => AdmissionSource.Url;

        public bool LooksAtAddress { get; set; } = true;

        public bool FailsOpen { get; set; }

        public AdmissionVerdict Answer { get; set; } = AdmissionVerdict.Admitted;

        public TaskCompletionSource? Gate { get; set; }

        public ConcurrentQueue<DerpAdmissionRequest> Asked { get; } = new();

        public async Task<AdmissionVerdict> AskAsync(DerpAdmissionRequest request, CancellationToken cancellationToken)
        {
            Asked.Enqueue(request);
            await (Gate?.Task ?? Task.CompletedTask).WaitAsync(cancellationToken);
            return Answer;
        }

        public void Dispose()
        {
        }
    }
}
