using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Tailnet.Services;

namespace Tailnet.Tests;

public class ResumeTokenTests
{
    private static readonly ResumeTokenKey Old = new(1, RandomNumberGenerator.GetBytes(64));
    private static readonly ResumeTokenKey New = new(2, RandomNumberGenerator.GetBytes(64));
    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public async Task ATokenGivesItsPeerIdBackUntilItExpires()
    {
        var tokens = new ResumeTokens([New, Old], _clock);
        var id = Guid.NewGuid();
        var issued = await tokens.IssueAsync(id);

        Assert.Equal(ResumeTokenStatus.Valid, tokens.Verify(issued.Token, out var peer));
        Assert.Equal(id, peer);
        Assert.Equal(TimeSpan.FromHours(12), issued.RefreshIn.ToTimeSpan());
        Assert.Equal(_clock.GetUtcNow().AddHours(24), issued.ExpiresAt.ToDateTimeOffset());
        _clock.Advance(TimeSpan.FromHours(24));
        Assert.Equal(ResumeTokenStatus.Invalid, tokens.Verify(issued.Token, out _));
    }

    [Fact]
    public async Task ATokenOfAnOlderKeyIsGoodAndOneOfAnUnknownKeyIsNot()
    {
        var issued = await new ResumeTokens([Old], _clock).IssueAsync(Guid.NewGuid());

        Assert.Equal(ResumeTokenStatus.Valid, new ResumeTokens([New, Old], _clock).Verify(issued.Token, out _));
        Assert.Equal(ResumeTokenStatus.Invalid, new ResumeTokens([New], _clock).Verify(issued.Token, out _));
        var sameNumber = new ResumeTokenKey(1, RandomNumberGenerator.GetBytes(64));
        Assert.Equal(ResumeTokenStatus.Invalid, new ResumeTokens([sameNumber], _clock).Verify(issued.Token, out _));
    }

    [Fact]
    public async Task ATokenWithAnyLetterChangedIsInvalid()
    {
        var tokens = new ResumeTokens([New], _clock);
        var token = (await tokens.IssueAsync(Guid.NewGuid())).Token;
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token[..i] + (token[i] == '!' ? '?' : '!') + token[(i + 1)..];
            Assert.NotEqual(ResumeTokenStatus.Valid, tokens.Verify(changed, out _));
        }
    }

    [Theory]
    [InlineData("", ResumeTokenStatus.Invalid)]
    [InlineData("a.b", ResumeTokenStatus.Invalid)]
    [InlineData("{}", ResumeTokenStatus.Invalid)]
    [InlineData("{\"alg\":\"none\",\"kid\":\"2\"}", ResumeTokenStatus.Invalid)]
    [InlineData("{\"alg\":\"HS512\"}", ResumeTokenStatus.Foreign)]
    [InlineData("[1]", ResumeTokenStatus.Invalid)]
    public void OtherTokensHaveTheirOwnAnswers(string head, ResumeTokenStatus expected)
    {
        var token = head.StartsWith('{') || head.StartsWith('[')
            ? $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(head))}.{Base64Url.EncodeToString("{}"u8)}."
            : head;

        Assert.Equal(expected, new ResumeTokens([New], _clock).Verify(token, out _));
    }
}
