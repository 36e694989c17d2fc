using System.Globalization;

namespace Attack;

/// <summary>Finds the end of a request, and takes nothing that could be read in two ways.</summary>
internal static class RequestReader
{
    /// <summary>The length of the first request; 0 when it is not whole yet, negative when it is none.</summary>
    public static int Measure(string input)
    {
        var head = input.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        if (head < 4)
        {
            return 0;
        }

        var lines = input[..(head - 4)].Split("\r\n");
        var fields = lines.Skip(1).Select(static line => line.Split(": ", 2)).ToArray();
        if (!lines[0].EndsWith(" HTTP/1.1", StringComparison.Ordinal) || lines[0].Split(' ').Length != 3
            || lines.Any(static line => line.Any(static letter => letter is < ' ' or '\x7f'))
            || fields.Any(static field => field.Length != 2 || field[0].Length == 0 || field[0].Contains(' ', StringComparison.Ordinal)))
        {
            return -1;
        }

        var lengths = Values(fields, "Content-Length");
        var codings = Values(fields, "Transfer-Encoding");
        return (lengths, codings) switch
        {
            ([], []) => head,
            ([var length], []) => int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var body)
                ? (input.Length >= head + body ? head + body : 0) : -1,
            ([], ["chunked"]) => MeasureChunks(input, head),
            _ => -1,
        };
    }

    private static string[] Values(string[][] fields, string name) =>
        [.. fields.Where(field => field[0].Equals(name, StringComparison.OrdinalIgnoreCase)).Select(static field => field[1])];

    private static int MeasureChunks(string input, int position)
    {
        while (true)
        {
            var end = input.IndexOf("\r\n", position, StringComparison.Ordinal);
            if (end < 0)
            {
                return 0;
            }

            if (!int.TryParse(input[position..end], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size))
            {
                return -1;
            }

            position = end + 2 + size + 2;
            if (input.Length < position)
            {
                return 0;
            }

            if (input[(position - 2)..position] != "\r\n")
            {
                return -1;
            }

            if (size == 0)
            {
                return position;
            }
        }
    }
}
