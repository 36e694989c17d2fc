using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Peers.Kernel;

/// <summary>
/// A TUN device in a network namespace of its own, which ends with its last descriptor. Linux' TCP in the namespace is the peer of whoever
/// reads and writes the device's packets. Needs root.
/// </summary>
internal sealed class TunDevice : IDisposable
{
    public static readonly IPAddress Ours = IPAddress.Parse("fd7a:115c:a1e0::1");
    public static readonly IPAddress Kernels = IPAddress.Parse("fd7a:115c:a1e0::2");

    private const int NewNetwork = 0x40000000; // CLONE_NEWNET
    private const uint SetInterface = 0x400454ca; // TUNSETIFF
    private const short Tun = 1;
    private const short NoPacketInformation = 0x1000;
    private const int Mtu = 1280;

    private readonly SafeFileHandle _device;

    private TunDevice(SafeFileHandle device, Socket listener)
    {
        (_device, Listener) = (device, listener);
        Port = (ushort)((IPEndPoint)listener.LocalEndPoint!).Port;
    }

    /// <summary>A listening socket of the kernel in the namespace.</summary>
    public Socket Listener { get; }

    public ushort Port { get; }

    /// <summary>
    /// Creates the namespace on a thread of its own, since it applies to a thread. Sockets and processes of it belong there.
    /// </summary>
    public static TunDevice Create()
    {
        TunDevice? device = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                device = CreateHere();
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        return device ?? throw new InvalidOperationException("There is no TUN device.", failure);
    }

    /// <summary>Reads one packet that the kernel sends; 0 after <see cref="Dispose"/>.</summary>
    public unsafe int Read(Span<byte> packet)
    {
        try
        {
            fixed (byte* start = packet)
            {
                var count = read(_device, start, packet.Length);
                return count > 0 ? (int)count : 0;
            }
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    /// <summary>Writes one packet, which the kernel receives.</summary>
    public unsafe void Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* start = packet)
        {
            write(_device, start, packet.Length);
        }
    }

    public void Dispose()
    {
        Listener.Dispose();
        _device.Dispose();
    }

    private static TunDevice CreateHere()
    {
        Check(unshare(NewNetwork), "unshare");
        var device = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var request = new byte[40]; // struct ifreq: the name, and the flags
        Encoding.ASCII.GetBytes("peer0").CopyTo(request, 0);
        BitConverter.TryWriteBytes(request.AsSpan(16), (short)(Tun | NoPacketInformation));
        Check(ioctl(device, SetInterface, request), "TUNSETIFF");
        Run("link", "set", "peer0", "mtu", $"{Mtu}", "up");
        Run("-6", "addr", "add", $"{Kernels}/64", "dev", "peer0", "nodad");
        var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(Kernels, 0));
        listener.Listen();
        return new TunDevice(device, listener);
    }

    private static void Run(params string[] arguments)
    {
        using var ip = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        var error = ip.StandardError.ReadToEnd();
        ip.WaitForExit();
        Assert.True(ip.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {error}");
    }

    private static void Check(int result, string call) =>
        Assert.True(result >= 0, $"{call} failed with errno {Marshal.GetLastPInvokeError()}.");

    [DllImport("libc", SetLastError = true)]
    private static extern int unshare(int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(SafeFileHandle file, ulong request, byte[] argument);

    [DllImport("libc", SetLastError = true)]
    private static extern unsafe nint read(SafeFileHandle file, byte* buffer, nint count);

    [DllImport("libc", SetLastError = true)]
    private static extern unsafe nint write(SafeFileHandle file, byte* buffer, nint count);
}
