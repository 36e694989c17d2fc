namespace Testing;

/// <summary>
/// A home directory without a profile, for the terminals of all tests of this process: what a person's profile does, and how long it
/// takes, is not the terminal's affair. It lasts as long as the process, because a shell writes its history there when it ends.
/// </summary>
public static class EmptyHome
{
    private static readonly DirectoryInfo Home = Make();

    public static string Path => Home.FullName;

    private static DirectoryInfo Make()
    {
        var home = Directory.CreateTempSubdirectory("edge-home-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Delete(home);
        return home;
    }

    private static void Delete(DirectoryInfo home)
    {
        try
        {
            home.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A shell that ends now still writes.
        }
    }
}
