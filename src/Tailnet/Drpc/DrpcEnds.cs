using Tailnet.Wire;

namespace Tailnet.Drpc;

internal static class DrpcEnds
{
    /// <summary>Why a connection ends when reading a packet fails so.</summary>
    public static DrpcEnd Of(DrpcReadStatus status) => status switch
    {
        DrpcReadStatus.BadNumber => DrpcEnd.BadNumber,
        DrpcReadStatus.BadOrder => DrpcEnd.BadOrder,
        DrpcReadStatus.KindChanged => DrpcEnd.KindChanged,
        _ => DrpcEnd.TooLarge,
    };
}
