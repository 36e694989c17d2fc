namespace ControlPlane.Administration;

/// <summary>Which part of a list is asked for.</summary>
/// <param name="Limit">How many at most.</param>
/// <param name="Offset">How many are left out before them.</param>
internal readonly record struct Page(int Limit, int Offset)
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1_000;
}
