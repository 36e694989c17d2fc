namespace ControlPlane.InstanceIdentity;

/// <summary>The body of <c>POST aws-instance-identity</c>.</summary>
internal sealed class AwsIdentityRequest
{
    /// <summary>The instance identity document, byte for byte.</summary>
    public string? Document { get; set; }

    /// <summary>The document's signature in base64: RSA (signature), or PKCS#7 (pkcs7 or rsa2048).</summary>
    public string? Signature { get; set; }

    /// <summary>The agent's name, where several agents are bound to the instance.</summary>
    public string? AgentName { get; set; }
}

/// <summary>The body of <c>POST azure-instance-identity</c>.</summary>
internal sealed class AzureIdentityRequest
{
    /// <summary>The metadata service's name for the signature's form: pkcs7.</summary>
    public string? Encoding { get; set; }

    /// <summary>The attested document, PKCS#7 in base64.</summary>
    public string? Signature { get; set; }

    /// <summary>The agent's name, where several agents are bound to the instance.</summary>
    public string? AgentName { get; set; }
}

/// <summary>The body of <c>POST google-instance-identity</c>.</summary>
internal sealed class GoogleIdentityRequest
{
    /// <summary>The instance's identity token, of <c>format=full</c>.</summary>
    public string? JsonWebToken { get; set; }

    /// <summary>The agent's name, where several agents are bound to the instance.</summary>
    public string? AgentName { get; set; }
}

/// <summary>The response to all three requests.</summary>
/// <param name="SessionToken">The agent's token, a UUID.</param>
internal sealed record InstanceSession(string SessionToken)
{
    /// <summary>Hides the token: a record's default text contains every property.</summary>
    public override string ToString() => nameof(InstanceSession);
}
