using Relay.Streams.Wire;

namespace Relay.Tests.Streams.Wire;

public class WebSocketAcceptTests
{
    // The example of RFC 6455 §1.3.
    [Fact]
    public void AKeyIsAnsweredAsTheRfcSays() =>
        Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WebSocketAccept.For("dGhlIHNhbXBsZSBub25jZQ=="));
}
