using ControlPlane.Storage;

namespace ControlPlane.Tests;

/// <summary>What is read of the store is kept for as long as it is known to be true, and never for longer than its age allows.</summary>
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
        cache.Get(1);
        cache.Get(1);
        Assert.Equal(1, _reads);

        _version++;
        cache.Get(1);
        cache.Get(1);
        Assert.Equal(2, _reads);

        _time.Advance(TimeSpan.FromSeconds(14.9));
        cache.Get(1);
        Assert.Equal(2, _reads);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        cache.Get(1);
        cache.Get(1);
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
                // The change comes when the query has its result already.
                var result = _version == 0 ? "old" : "new";
                _version = 1;
                return result;
            },
            () => _version);
        Assert.Equal("old", cache.Get(1));
        Assert.Equal("new", cache.Get(1));
    }

    [Fact]
    public async Task WhatIsNotThereIsReadEachTimeAndTakesNoRoom()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = Cache(server, capacity: 4);
        int[] known = [0, 1, 2, 3];
        Assert.All(known, key => Assert.NotNull(cache.Get(key)));
        for (var key = -1; key >= -100; key--)
        {
            Assert.Null(cache.Get(key));
        }

        Assert.All(known, key => Assert.NotNull(cache.Get(key)));
        Assert.Equal(104, _reads);
    }

    [Fact]
    public async Task OneEntryMoreThanThereIsRoomForTakesThePlaceOfTheOldest()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = Cache(server, capacity: 4);
        foreach (var key in (int[])[0, 1, 2, 3, 4, 1, 2, 3, 4])
        {
            cache.Get(key);
        }

        Assert.Equal(5, _reads);
        cache.Get(0);
        Assert.Equal(6, _reads);
    }

    [Fact]
    public async Task AKeyThatComesAndGoesTakesOnePlaceAtMost()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = Cache(server, capacity: 2);
        cache.Get(0);
        for (var i = 0; i < 10; i++)
        {
            cache.Remove(1);
            Assert.NotNull(cache.Get(1));
        }

        Assert.Equal(11, _reads);
        cache.Get(1);
        Assert.Equal(11, _reads);
    }

    [Fact]
    public async Task WithoutAVersionEachReadIsAQuery()
    {
        await using var server = await ApiServer.StartAsync();
        var cache = new ReadThroughCache<int, string>(server.Database, _time, (_, _) => $"{++_reads}", static () => null);
        Assert.Equal("1", cache.Get(1));
        Assert.Equal("2", cache.Get(1));
    }

    private ReadThroughCache<int, string> Cache(ApiServer server, int capacity = 1024) => new(
        server.Database,
        _time,
        (_, key) =>
        {
            _reads++;
            return key < 0 ? null : "there";
        },
        () => _version,
        capacity);
}
