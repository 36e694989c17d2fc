using System.Security.Cryptography;

namespace Tailnet.WireGuard;

/// <summary>The receiver indices in use. They are random, so that nobody can guess one, and unique in a node. For concurrent use.</summary>
internal sealed class SessionIndices
{
    private readonly Lock _lock = new();
    private readonly HashSet<uint> _used = [];

    /// <summary>The number of indices in use.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _used.Count;
            }
        }
    }

    public uint Take()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        lock (_lock)
        {
            uint index;
            do
            {
                RandomNumberGenerator.Fill(bytes);
                index = BitConverter.ToUInt32(bytes);
            }
            while (!_used.Add(index));

            return index;
        }
    }

    public void Release(uint index)
    {
        lock (_lock)
        {
            _used.Remove(index);
        }
    }
}
