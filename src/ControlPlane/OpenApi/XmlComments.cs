using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ControlPlane.OpenApi;

/// <summary>
/// The summaries of this assembly's types and properties, from their XML documentation comments. The compiler writes the comments into a
/// file beside the assembly, and the builder of OpenAPI documents reads it. So a field's meaning is written once, at its declaration.
/// </summary>
internal sealed partial class XmlComments
{
    private readonly Dictionary<string, string> _summaries = new(StringComparer.Ordinal);

    private XmlComments()
    {
    }

    /// <summary>Reads the file. Without the file the document has no descriptions.</summary>
    public static XmlComments Read()
    {
        var comments = new XmlComments();
        var file = Path.Combine(AppContext.BaseDirectory, typeof(XmlComments).Assembly.GetName().Name + ".xml");
        if (File.Exists(file))
        {
            foreach (var member in XDocument.Load(file).Descendants("member"))
            {
                if (member.Attribute("name") is { } name && member.Element("summary") is { } summary)
                {
                    comments._summaries[name.Value] = Space().Replace(string.Concat(summary.Nodes().Select(Text)), " ").Trim();
                }
            }
        }

        return comments;
    }

    public string? Of(Type type) => _summaries.GetValueOrDefault($"T:{NameOf(type)}");

    public string? Of(PropertyInfo property) => _summaries.GetValueOrDefault($"P:{NameOf(property.DeclaringType!)}.{property.Name}");

    private static string? NameOf(Type type) => type.FullName?.Replace('+', '.');

    private static string NameOf(string reference)
    {
        var name = reference.Split('(')[0].Split('.')[^1];
        return reference[0] == 'P' ? JsonNamingPolicy.SnakeCaseLower.ConvertName(name) : name;
    }

    /// <summary>
    /// The comment in Markdown, the format of OpenAPI's descriptions. References to properties become their names in JSON.
    /// </summary>
    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement element when element.Attribute("cref") is { } reference => $"`{NameOf(reference.Value)}`",
        XElement element => string.Concat(element.Nodes().Select(Text)),
        _ => "",
    };

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
