using Tailnet.Wire;

namespace Tailnet.Drpc;

internal static class DrpcEnds
{
    /// <summary>Returns the end of a connection whose read failed.</summary>
    public static DrpcEnd Of(DrpcReadStatus status) => status switch
    {
        DrpcReadStatus.BadNumber => DrpcEnd.BadNumber,
        DrpcReadStatus.BadOrder => DrpcEnd.BadOrder,
        DrpcReadStatus.KindChanged => DrpcEnd.KindChanged,
        _ => DrpcEnd.TooLarge,
    };
}
