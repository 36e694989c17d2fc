using System.Reflection;
using System.Runtime.InteropServices;

namespace Relay.Crypto;

/// <summary>The functions of the system's libsodium that DERP needs.</summary>
internal static partial class Sodium
{
    private const string Library = "libsodium";

    // Debian 12 and Ubuntu have .23, newer distributions .26; the plain names are macOS and Windows.
    private static readonly string[] Names = ["libsodium.so.23", "libsodium.so.26", "libsodium.so", "libsodium.dylib", "libsodium"];

    private static readonly Lazy<bool> Ready = new(Load);

    /// <summary>Loads and initialises the library, once.</summary>
    /// <exception cref="DllNotFoundException">The library is not installed; the message says how to install it.</exception>
    public static void EnsureReady() => _ = Ready.Value;

    [LibraryImport(Library, EntryPoint = "crypto_scalarmult_base")]
    public static partial int ScalarMultBase(Span<byte> publicKey, ReadOnlySpan<byte> privateKey);

    [LibraryImport(Library, EntryPoint = "crypto_box_beforenm")]
    public static partial int BoxBefore(Span<byte> shared, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> privateKey);

    [LibraryImport(Library, EntryPoint = "crypto_box_easy_afternm")]
    public static partial int BoxSeal(
        Span<byte> box, ReadOnlySpan<byte> message, ulong messageLength, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> shared);

    [LibraryImport(Library, EntryPoint = "crypto_box_open_easy_afternm")]
    public static partial int BoxOpen(
        Span<byte> message, ReadOnlySpan<byte> box, ulong boxLength, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> shared);

    [LibraryImport(Library, EntryPoint = "sodium_init")]
    private static partial int Init();

    internal static DllNotFoundException Missing() => new(
        "DERP needs the system library libsodium, which was not found. Install it with: apt-get install -y libsodium23");

    private static bool Load()
    {
        NativeLibrary.SetDllImportResolver(typeof(Sodium).Assembly, Resolve);
        if (Init() < 0)
        {
            throw new InvalidOperationException("libsodium could not be initialised.");
        }

        return true;
    }

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library)
        {
            return IntPtr.Zero;
        }

        foreach (var candidate in Names)
        {
            if (NativeLibrary.TryLoad(candidate, assembly, path, out var handle))
            {
                return handle;
            }
        }

        throw Missing();
    }
}
