using System.Data.Common;

namespace ControlPlane.Storage;

/// <summary>
/// <see cref="DatabaseHealth"/> has found that the database cannot be reached. The operation failed at once, in place of a wait for a
/// connection.
/// </summary>
internal sealed class DatabaseUnavailableException() : DbException("The database cannot be reached.");
