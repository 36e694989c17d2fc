namespace ControlPlane.Administration;

/// <summary>The requested page of a list.</summary>
/// <param name="Limit">The maximum number of results.</param>
/// <param name="Offset">The number of results to skip.</param>
internal readonly record struct Page(int Limit, int Offset)
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1_000;
}
