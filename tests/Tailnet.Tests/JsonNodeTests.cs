using System.Buffers;
using System.Text;
using FsCheck.Fluent;
using Google.Protobuf;
using Tailnet.Json;
using Tailnet.Messages;

namespace Tailnet.Tests;

/// <summary>The JSON of version 1: where an object ends, and what a node says.</summary>
public sealed class JsonNodeTests
{
    private const string Key = "nodekey:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    private const string Disco = "discokey:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    private const string Whole =
        "{\"id\":7,\"as_of\":\"2026-01-02T03:04:05.5Z\",\"key\":\"" + Key + "\",\"disco\":\"" + Disco + "\",\"preferred_derp\":999,"
        + "\"derp_latency\":{\"999-v4\":0.25},\"derp_forced_websockets\":{\"999\":\"a \\\"}]\"},\"addresses\":[\"fd7a:115c:a1e0::1/128\"],"
        + "\"allowed_ips\":[\"fd7a:115c:a1e0::1/128\"],\"endpoints\":[\"192.0.2.1:1\"]}";

    [Fact]
    public void ANodeIsReadAndWrittenInTheFieldsOwnNames()
    {
        var node = Read(Whole)!;
        Assert.Equal((7, 999, Disco), (node.Id, node.PreferredDerp, node.Disco));
        Assert.Equal("np"u8.ToArray().Concat(Enumerable.Range(0, 32).Select(static i => (byte)i)), node.Key);
        Assert.Equal("a \"}]", node.DerpForcedWebsocket[999]);
        Assert.Equal(0.25, node.DerpLatency["999-v4"]);

        var output = new ArrayBufferWriter<byte>();
        JsonNodes.Write(output, [node, new Node { Key = ByteString.CopyFromUtf8("another form") }]);
        Assert.Equal("[" + Whole.Replace("\\\"", "\\u0022", StringComparison.Ordinal) + "]", Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void WhatIsMissingOrNullIsEmptyAndNamesCountInAnyCase()
    {
        var node = Read("""{"ID":3,"endpoints":null,"unknown":{"a":[1]},"Preferred_Derp":4}""")!;
        Assert.Equal((3, 4, 0), (node.Id, node.PreferredDerp, node.Endpoints.Count));

        var output = new ArrayBufferWriter<byte>();
        JsonNodes.Write(output, [new Node { Key = node.Key }]);
        var zeros = new string('0', 64);
        Assert.Equal(
            $$"""[{"id":0,"as_of":"0001-01-01T00:00:00Z","key":"nodekey:{{zeros}}","disco":"discokey:"""
                + $$"""{{zeros}}","preferred_derp":0,"derp_latency":{},"derp_forced_websockets":{},"addresses":[],"allowed_ips":"""
                + """[],"endpoints":[]}]""",
            Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"id":"7"}""")]
    [InlineData("""{"id":1.5}""")]
    [InlineData("""{"id":99999999999999999999}""")]
    [InlineData("""{"as_of":"yesterday"}""")]
    [InlineData("""{"key":"nodekey:00"}""")]
    [InlineData("""{"key":"mkey:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}""")]
    [InlineData("""{"key":"nodekey:zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}""")]
    [InlineData("""{"disco":"no"}""")]
    [InlineData("""{"derp_latency":{"1":"fast"}}""")]
    [InlineData("""{"derp_latency":[]}""")]
    [InlineData("""{"derp_forced_websockets":{"one":"x"}}""")]
    [InlineData("""{"derp_forced_websockets":{"99999999999":"x"}}""")]
    [InlineData("""{"addresses":["fd7a::1"]}""")]
    [InlineData("""{"addresses":["fd7a::1/129"]}""")]
    [InlineData("""{"addresses":[1]}""")]
    [InlineData("""{"addresses":{}}""")]
    [InlineData("""{"allowed_ips":["nonsense/128"]}""")]
    [InlineData("""{"endpoints":[{}]}""")]
    [InlineData("""{"id":1}{"id":2}""")]
    [InlineData("{\"disco\":\"\\ud800\"}")]
    public void WhatIsNoNodeIsRefusedWithoutAnException(string json) => Assert.Null(Read(json));

    [Fact]
    public void ObjectsAreFoundHoweverTheStreamIsCut()
    {
        var stream = Encoding.UTF8.GetBytes(" \n" + Whole + Whole + "\t{\"id\":1}");
        for (var cut = 0; cut <= stream.Length; cut++)
        {
            var scanner = new JsonObjectScanner(10_000);
            var found = new List<string>();
            var held = Array.Empty<byte>();
            foreach (var piece in new[] { stream[..cut], stream[cut..] })
            {
                var buffer = Pieces([.. held, .. piece]);
                while (scanner.TryRead(ref buffer, out var json) == JsonScan.Done)
                {
                    found.Add(Encoding.UTF8.GetString(json.ToArray()));
                }

                held = buffer.ToArray();
            }

            Assert.Equal([Whole, Whole, "{\"id\":1}"], found);
            Assert.Empty(held);
        }
    }

    [Fact]
    public void NothingButObjectsOfABoundedSizeAndDepthIsTaken()
    {
        Assert.Equal(JsonScan.NoObject, Scan("[1]"));
        Assert.Equal(JsonScan.NoObject, Scan("}"));
        Assert.Equal(JsonScan.NoObject, Scan("{" + new string('[', 100)));
        Assert.Equal(JsonScan.TooLarge, Scan("{\"a\":\"" + new string('b', 100)));
        Assert.Equal(JsonScan.NeedMore, Scan("{\"a\":\"" + new string('b', 90)));
        Assert.Equal(JsonScan.NeedMore, Scan(new string(' ', 1000)));
    }

    [Fact]
    public void AnyBytesGetAnAnswerAndNoException() => FsCheck.Check.QuickThrowOnFailure(Prop.ForAll<byte[]>(static bytes =>
    {
        var buffer = new ReadOnlySequence<byte>([(byte)'{', .. bytes]);
        var scanner = new JsonObjectScanner(1_000_000);
        scanner.TryRead(ref buffer, out _);
        JsonNodes.TryRead(new ReadOnlySequence<byte>(bytes));
    }));

    private static JsonScan Scan(string text)
    {
        var buffer = new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(text));
        return new JsonObjectScanner(100).TryRead(ref buffer, out _);
    }

    private static Node? Read(string json) => JsonNodes.TryRead(Pieces(Encoding.UTF8.GetBytes(json)));

    /// <summary>The bytes in segments of a few each.</summary>
    private static ReadOnlySequence<byte> Pieces(byte[] bytes)
    {
        var first = new Segment(bytes.AsMemory(0, Math.Min(3, bytes.Length)), 0);
        var last = first;
        for (var at = 3; at < bytes.Length; at += 3)
        {
            last = last.Append(bytes.AsMemory(at, Math.Min(3, bytes.Length - at)));
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
