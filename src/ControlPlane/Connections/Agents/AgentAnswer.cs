using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Connections.Agents;

/// <summary>An agent's answer to an HTTP request.</summary>
/// <param name="Status">The status.</param>
/// <param name="Body">The body: JSON, or anything else from an agent that does not know the route.</param>
internal sealed record AgentAnswer(int Status, byte[] Body)
{
    private const string TooOld = "The agent's version does not support this.";

    /// <summary>Whether the agent does not know the route: 404 without the API's JSON.</summary>
    public bool IsUnknownRoute => Status == StatusCodes.Status404NotFound && Notice is null;

    /// <summary>The message in the body; null for none.</summary>
    private AgentNotice? Notice
    {
        get
        {
            try
            {
                return JsonSerializer.Deserialize(Body, AgentJson.Wire.AgentNotice) is { Message.Length: > 0 } notice ? notice : null;
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }

    /// <summary>The body of an answer with this status.</summary>
    /// <exception cref="AgentConnectionException">The agent has answered with another status, or the body is not this JSON.</exception>
    public T Read<T>(JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
        where T : class
    {
        if (Status != status)
        {
            throw Refusal();
        }

        return Read(Body, type);
    }

    /// <summary>Reads JSON of an agent.</summary>
    /// <exception cref="AgentConnectionException">The text is not this JSON.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type)
                ?? throw new AgentConnectionException("the agent's answer is null");
        }
        catch (JsonException exception)
        {
            throw Unexpected(exception);
        }
    }

    /// <summary>The error for JSON of another form.</summary>
    public static AgentConnectionException Unexpected(JsonException exception) =>
        new("the agent's answer is not the expected JSON", exception);

    /// <summary>
    /// The error for the client. 4xx is passed on; 5xx becomes 502, because clients take 500 as final and an agent may answer it while it
    /// starts.
    /// </summary>
    public AgentConnectionException Refusal() => (Status, Notice) switch
    {
        ( >= 400 and < 500, { } notice) => new AgentConnectionException(Status, notice.Message, notice.Detail),
        ( >= 500 and < 600, { } notice) => new AgentConnectionException(StatusCodes.Status502BadGateway, notice.Message, notice.Detail),
        (StatusCodes.Status404NotFound, null) => new AgentConnectionException(Status, TooOld),
        _ => new AgentConnectionException(FormattableString.Invariant($"the agent has answered with status {Status}")),
    };
}
