using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// The database cannot be reached, as <see cref="DatabaseHealth"/> has found: nothing was tried, so that nobody waits for a connection in vain.
/// </summary>
internal sealed class DatabaseUnavailableException() : DbException("The database cannot be reached.");
