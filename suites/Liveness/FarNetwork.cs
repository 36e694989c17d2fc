using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace LivenessSuite;

/// <summary>
/// Another network namespace, with a link to this one that a test can cut. This side has the address 198.18.n.1
/// (RFC 2544), the other one 198.18.n.2.
/// </summary>
internal sealed partial class FarNetwork : IDisposable
{
    private const int NetworkNamespace = 0x40000000;

    private readonly string _name;

    /// <param name="number">1 or 2; those of another run have other addresses.</param>
    public FarNetwork(int number)
    {
        var net = (2 * (Environment.ProcessId % 120)) + number;
        _name = $"live{Environment.ProcessId}-{number}";
        Near = IPAddress.Parse($"198.18.{net}.1");
        Far = IPAddress.Parse($"198.18.{net}.2");
        var link = $"lv{Environment.ProcessId}-{number}";
        Ip($"netns add {_name}");
        Ip($"link add {link} type veth peer name eth0 netns {_name}");
        Ip($"addr add {Near}/24 dev {link}");
        Ip($"link set {link} up");
        Ip($"-n {_name} addr add {Far}/24 dev eth0");
        Ip($"-n {_name} link set eth0 up");
        Ip($"-n {_name} route add default via {Near}");
    }

    public IPAddress Near { get; }

    public IPAddress Far { get; }

    /// <summary>A socket of that namespace: sockets belong to where they are made, whoever uses them.</summary>
    public Socket NewSocket()
    {
        Socket? socket = null;
        var thread = new Thread(() =>
        {
            using var space = File.OpenHandle($"/run/netns/{_name}");
            if (SetNamespace(space, NetworkNamespace) == 0)
            {
                socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            }
        });
        thread.Start();
        thread.Join();
        return socket ?? throw new InvalidOperationException("The network namespace cannot be entered.");
    }

    /// <summary>Drops all packets from now on, without an error to either side.</summary>
    public void Cut() => Ip($"-n {_name} link set eth0 down");

    // The link disappears with the namespace.
    public void Dispose() => Ip($"netns del {_name}");

    private static void Ip(string arguments)
    {
        using var process = Process.Start("ip", arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(Microsoft.Win32.SafeHandles.SafeFileHandle space, int kind);
}
