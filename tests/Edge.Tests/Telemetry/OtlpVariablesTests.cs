using Edge.Settings;
using Edge.Telemetry;
using Microsoft.Extensions.Configuration;

namespace Edge.Tests.Telemetry;

public class OtlpVariablesTests
{
    private const string Prefix = "OTEL_EXPORTER_OTLP_";

    [Theory]
    [InlineData("HEADERS", "novalue")]
    [InlineData("HEADERS", "a=1,novalue")]
    [InlineData("HEADERS", "=1")]
    [InlineData("HEADERS", "a b=1")]
    [InlineData("HEADERS", "a=1%0d%0ab: 2")]
    [InlineData("TRACES_HEADERS", "novalue")]
    public void HeadersThatAreNoneAreNamedAndNeverShown(string name, string value)
    {
        var error = Refused(name, value);

        Assert.StartsWith($"{Prefix}{name}: allowed is a list such as name=value", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(value, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PROTOCOL", "http/json", "grpc, http/protobuf")]
    [InlineData("TRACES_PROTOCOL", "http", "grpc, http/protobuf")]
    [InlineData("TIMEOUT", "10s", "milliseconds")]
    [InlineData("ENDPOINT", "collector:4317", "http or https URL")]
    public void AWrongValueIsNamedWithWhatIsAllowed(string name, string value, string allowed)
    {
        var error = Refused(name, value);

        Assert.StartsWith($"{Prefix}{name} = \"{value}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("api-key=a%20b,other=c==")]
    [InlineData("api-key=,other=x, ")]
    public void HeadersMayBeEncodedAndEmpty(string headers) => Assert.True(Read("HEADERS", headers));

    private static SettingsException Refused(string name, string value) => Assert.Throws<SettingsException>(() => Read(name, value));

    private static bool Read(string name, string value) => OtlpVariables.IsExported(
        new ConfigurationBuilder()
            .AddInMemoryCollection(
                new Dictionary<string, string?> { [$"{Prefix}ENDPOINT"] = "http://127.0.0.1:4317", [$"{Prefix}{name}"] = value })
            .Build(),
        OtlpVariables.Traces);
}
