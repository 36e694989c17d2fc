namespace EndToEnd;

/// <summary>With the database in the data directory.</summary>
public sealed class CrashTests : CrashCases;
