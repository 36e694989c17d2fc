using System.Runtime.CompilerServices;

namespace Tailnet.Tests.WireGuard;

/// <summary>A handshake and packets of wireguard-go (Vectors/wireguard-*.txt). Each line has a name and bytes.</summary>
internal sealed class RecordedHandshake
{
    private readonly Dictionary<string, byte[]> _values;

    private RecordedHandshake(Dictionary<string, byte[]> values) => _values = values;

    public byte[] this[string name] => _values[name];

    public static RecordedHandshake Load(int number) =>
        new(File.ReadLines(Path.Combine(Folder(), "..", "Vectors", $"wireguard-{number}.txt")).Select(static line => line.Split(" = "))
            .ToDictionary(static parts => parts[0], static parts => Convert.FromHexString(parts[1])));

    private static string Folder([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
