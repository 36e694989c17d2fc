using ControlPlane.Storage;

namespace ControlPlane.Tests;

/// <summary>The cache keeps what it reads from the store until a change may have altered it, and at most for its maximum age.</summary>
public sealed class ReadThroughCacheTests
{
    private readonly ManualTimeProvider _time = new();
    private int _reads;
    private long _version;

    [Fact]
    public async Task AnEntryIsReadAgainAfterAChangeAndAfterFifteenSeconds()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = Cache(server);
        await cache.GetAsync(1);
        await cache.GetAsync(1);
        Assert.Equal(1, _reads);

        _version++;
        await cache.GetAsync(1);
        await cache.GetAsync(1);
        Assert.Equal(2, _reads);

        _time.Advance(TimeSpan.FromSeconds(14.9));
        await cache.GetAsync(1);
        Assert.Equal(2, _reads);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await cache.GetAsync(1);
        await cache.GetAsync(1);
        Assert.Equal(3, _reads);
    }

    [Fact]
    public async Task AReadThatBeganBeforeAChangeIsNotKeptAfterIt()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = new ReadThroughCache<int, string>(
            server.Database,
            _time,
            (_, _) =>
            {
                // The change happens after the query has read its result.
                var result = _version == 0 ? "old" : "new";
                _version = 1;
                return ValueTask.FromResult<string?>(result);
            },
            () => _version);
        Assert.Equal("old", await cache.GetAsync(1));
        Assert.Equal("new", await cache.GetAsync(1));
    }

    [Fact]
    public async Task WhatIsNotThereIsReadEachTimeAndTakesNoRoom()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = Cache(server, capacity: 4);
        int[] known = [0, 1, 2, 3];
        foreach (var key in known)
        {
            Assert.NotNull(await cache.GetAsync(key));
        }

        for (var key = -1; key >= -100; key--)
        {
            Assert.Null(await cache.GetAsync(key));
        }

        foreach (var key in known)
        {
            Assert.NotNull(await cache.GetAsync(key));
        }

        Assert.Equal(104, _reads);
    }

    [Fact]
    public async Task OneEntryMoreThanThereIsRoomForTakesThePlaceOfTheOldest()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = Cache(server, capacity: 4);
        foreach (var key in (int[])[0, 1, 2, 3, 4, 1, 2, 3, 4])
        {
            await cache.GetAsync(key);
        }

        Assert.Equal(5, _reads);
        await cache.GetAsync(0);
        Assert.Equal(6, _reads);
    }

    [Fact]
    public async Task AKeyThatComesAndGoesTakesOnePlaceAtMost()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = Cache(server, capacity: 2);
        await cache.GetAsync(0);
        for (var i = 0; i < 10; i++)
        {
            cache.Remove(1);
            Assert.NotNull(await cache.GetAsync(1));
        }

        Assert.Equal(11, _reads);
        await cache.GetAsync(1);
        Assert.Equal(11, _reads);
    }

    [Fact]
    public async Task WithoutAVersionEachReadIsAQuery()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = new ReadThroughCache<int, string>(
            server.Database, _time, (_, _) => ValueTask.FromResult<string?>($"{++_reads}"), static () => null);
        Assert.Equal("1", await cache.GetAsync(1));
        Assert.Equal("2", await cache.GetAsync(1));
    }

    private ReadThroughCache<int, string> Cache(ApiServer server, int capacity = 1024) => new(
        server.Database,
        _time,
        (_, key) =>
        {
            _reads++;
            return ValueTask.FromResult(key < 0 ? null : "there");
        },
        () => _version,
        capacity);
}
