namespace ControlPlane.InstanceIdentity;

/// <summary>The body of <c>POST aws-instance-identity</c>.</summary>
internal sealed class AwsIdentityRequest
{
    public string? Document { get; set; }

    public string? Signature { get; set; }

    public string? AgentName { get; set; }
}

/// <summary>The body of <c>POST azure-instance-identity</c>.</summary>
internal sealed class AzureIdentityRequest
{
    public string? Encoding { get; set; }

    public string? Signature { get; set; }

    public string? AgentName { get; set; }
}

/// <summary>The body of <c>POST google-instance-identity</c>.</summary>
internal sealed class GoogleIdentityRequest
{
    public string? JsonWebToken { get; set; }

    public string? AgentName { get; set; }
}

/// <summary>What all three answer.</summary>
internal sealed record InstanceSession(string SessionToken)
{
    /// <summary>Never the token: records print all that they hold.</summary>
    public override string ToString() => nameof(InstanceSession);
}
