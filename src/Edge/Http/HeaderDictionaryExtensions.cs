namespace Edge.Http;

/// <summary>Extends header dictionaries.</summary>
internal static class HeaderDictionaryExtensions
{
    /// <summary>Removes the headers whose names match.</summary>
    public static void RemoveWhere(this IHeaderDictionary headers, Func<string, bool> isUnwanted)
    {
        List<string>? unwanted = null;
        foreach (var (name, _) in headers)
        {
            if (isUnwanted(name))
            {
                (unwanted ??= []).Add(name);
            }
        }

        foreach (var name in unwanted ?? [])
        {
            headers.Remove(name);
        }
    }
}
