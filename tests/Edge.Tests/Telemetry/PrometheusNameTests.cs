using Edge.Telemetry;

namespace Edge.Tests.Telemetry;

public sealed class PrometheusNameTests
{
    [Theory]
    [InlineData("http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds")]
    [InlineData("edge.stream.bytes", "By", "counter", "edge_stream_bytes_total")]
    [InlineData("edge.stream.io", "By", "counter", "edge_stream_io_bytes_total")]
    [InlineData("edge.rejected_total", "{request}", "counter", "edge_rejected_total")]
    [InlineData("edge.rejected", "{request}", "counter", "edge_rejected_total")]
    [InlineData("edge.rate", "By/s", "gauge", "edge_rate_bytes_per_second")]
    [InlineData("edge.rate", "{packet}/s", "gauge", "edge_rate_per_second")]
    [InlineData("edge.load", "1", "gauge", "edge_load_ratio")]
    [InlineData("edge.tries", "1", "counter", "edge_tries_total")]
    [InlineData("edge.wait", "ms", "histogram", "edge_wait_milliseconds")]
    [InlineData("dotnet.assembly.count", "{assembly}", "gauge", "dotnet_assembly")]
    [InlineData("edge.clients.total", null, "gauge", "edge_clients")]
    [InlineData("edge.count", null, "counter", "edge_count_total")]
    [InlineData("2nd.try--now", null, "gauge", "_2nd_try_now")]
    [InlineData("ns:edge", null, "gauge", "ns:edge")]
    [InlineData("", "}{", "gauge", "_")]
    public void AnInstrumentIsNamedAsOpenTelemetryDoes(string instrument, string? unit, string type, string expected) =>
        Assert.Equal(expected, PrometheusName.Family(instrument, unit, Enum.Parse<PrometheusType>(type, ignoreCase: true)));

    [Theory]
    [InlineData("http.request.method", "http_request_method")]
    [InlineData("le:gacy", "le_gacy")]
    [InlineData("0", "_0")]
    public void ATagIsNamedInTheAlphabetOfLabels(string tag, string expected) => Assert.Equal(expected, PrometheusName.Label(tag));
}
