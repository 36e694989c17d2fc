namespace ControlPlane.InstanceIdentity;

/// <summary>The body of <c>POST aws-instance-identity</c>.</summary>
internal sealed class AwsIdentityRequest
{
    /// <summary>The instance identity document, byte for byte.</summary>
    public string? Document { get; set; }

    /// <summary>Its signature in base64: RSA (signature), or PKCS#7 (pkcs7 or rsa2048).</summary>
    public string? Signature { get; set; }

    /// <summary>Which agent, where several are on the instance.</summary>
    public string? AgentName { get; set; }
}

/// <summary>The body of <c>POST azure-instance-identity</c>.</summary>
internal sealed class AzureIdentityRequest
{
    /// <summary>What the metadata service calls the signature's form: pkcs7.</summary>
    public string? Encoding { get; set; }

    /// <summary>The attested document in base64: PKCS#7.</summary>
    public string? Signature { get; set; }

    /// <summary>Which agent, where several are on the instance.</summary>
    public string? AgentName { get; set; }
}

/// <summary>The body of <c>POST google-instance-identity</c>.</summary>
internal sealed class GoogleIdentityRequest
{
    /// <summary>The instance's identity token, asked for with <c>format=full</c>.</summary>
    public string? JsonWebToken { get; set; }

    /// <summary>Which agent, where several are on the instance.</summary>
    public string? AgentName { get; set; }
}

/// <summary>What all three answer.</summary>
/// <param name="SessionToken">An agent's token, a UUID.</param>
internal sealed record InstanceSession(string SessionToken)
{
    /// <summary>Never the token: records print all that they hold.</summary>
    public override string ToString() => nameof(InstanceSession);
}
