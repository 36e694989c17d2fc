using ControlPlane.Http;
using Microsoft.AspNetCore.Routing.Patterns;

namespace ControlPlane.Tests;

/// <summary>Which spellings of a path are the route's own.</summary>
public sealed class ExactPathsTests
{
    [Theory]
    [InlineData("/a/b", "/a/b", true)]
    [InlineData("/a/b", "/A/b", false)]
    [InlineData("/a/b", "/a/B", false)]
    [InlineData("/a/b", "/a/b/", false)]
    [InlineData("/a/b", "/a/bb", false)]
    [InlineData("/a/b", "/a", false)]
    [InlineData("/a/b", "/a/", false)]
    [InlineData("/a/b", "/a/b/c", false)]
    [InlineData("/a/b", "//a/b", false)]
    [InlineData("/a/b", "", false)]
    [InlineData("/a/", "/a/", true)]
    [InlineData("/a/", "/a//", false)]
    [InlineData("/a/", "/A/", false)]
    [InlineData("/a/{id}", "/a/x", true)]
    [InlineData("/a/{id}", "/a/x/", false)]
    [InlineData("/a/{id}", "/A/x", false)]
    [InlineData("/a/{id}", "/a", false)]
    [InlineData("/a/{id}/c", "/a/x/c", true)]
    [InlineData("/a/{id}/c", "/a/x/C", false)]
    [InlineData("/a/{id}/c", "/a/x", false)]
    [InlineData("/a/{**path}", "/a/x/y/", true)]
    [InlineData("/a/{**path}", "/A/x", false)]
    [InlineData("{**path}", "/", true)]
    public void ASpellingIsTheRoutesOwnOrNot(string pattern, string path, bool matches) =>
        Assert.Equal(matches, ExactPaths.Matches(RoutePatternFactory.Parse(pattern), path));
}
