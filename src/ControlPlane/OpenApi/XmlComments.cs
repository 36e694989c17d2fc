using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ControlPlane.OpenApi;

/// <summary>
/// The summaries of this assembly's types and properties, as their XML documentation comments have them. The compiler writes these into a
/// file beside the assembly, which is read when a document is made. So there is one place for what a field means: where it is declared.
/// </summary>
internal sealed partial class XmlComments
{
    private readonly Dictionary<string, string> _summaries = new(StringComparer.Ordinal);

    private XmlComments()
    {
    }

    /// <summary>Reads the file. Without it nothing is described.</summary>
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

    /// <summary>Markdown, which is what descriptions of OpenAPI are. A property is called by its name in JSON.</summary>
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
