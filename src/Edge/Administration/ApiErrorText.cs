using System.Text.Json;
using System.Text.Json.Nodes;

namespace Edge.Administration;

/// <summary>The errors of an API in one line.</summary>
internal static class ApiErrorText
{
    /// <summary>Message, detail, and the fields that are wrong; null when the answer is no error of an API.</summary>
    public static string? Of(string answer)
    {
        if (TryParse(answer) is not JsonObject error)
        {
            return null;
        }

        var validations = (error["validations"] as JsonArray ?? []).Select(static one => $"{one?["field"]} {one?["detail"]}");
        string[] texts = [$"{error["message"]}", $"{error["detail"]}", .. validations];
        return string.Join(' ', texts.Where(static text => text.Length > 0));
    }

    /// <summary>The answer as JSON; null when it is none.</summary>
    public static JsonNode? TryParse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
