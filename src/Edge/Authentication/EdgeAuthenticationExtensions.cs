using System.Text.Encodings.Web;
using Edge.Listeners;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Edge.Authentication;

/// <summary>Adds authentication to the public host.</summary>
internal static class EdgeAuthenticationExtensions
{
    /// <summary>Registers authentication. Without options the edge verifies nothing, and only the API server decides.</summary>
    public static IServiceCollection AddEdgeAuthentication(this IServiceCollection services, EdgeJwtOptions? options)
    {
        services.AddAccessMetrics();
        if (options is null)
        {
            return services;
        }

        services.AddSingleton(options);
        services.AddSingleton(new PathPolicies(options.Policies));
        services.AddSingleton<TokenCheck>();
        if (options.MetadataAddress is not null)
        {
            services.AddSingleton(provider => new AuthorityKeys(
                options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<AuthorityKeys>>()));
        }

        // AddAuthentication would add data protection, which writes keys to the home directory at the start.
        services.AddAuthenticationCore(core => core.AddScheme<JwtBearerHandler>(JwtBearerDefaults.AuthenticationScheme, null));
        services.TryAddSingleton(UrlEncoder.Default);

        // The handler logs every invalid token with its exception. The edge counts them instead.
        services.AddLogging(logging => logging.AddFilter("Microsoft.AspNetCore.Authentication.JwtBearer", LogLevel.Warning));
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme)
            .Configure<IServiceProvider>((jwt, provider) => Configure(jwt, options, provider));
        return services;
    }

    /// <summary>
    /// Removes clients' identity headers in any case, and verifies tokens when <see cref="AddEdgeAuthentication"/> got options.
    /// </summary>
    public static IApplicationBuilder UseEdgeAuthentication(this IApplicationBuilder app)
    {
        app.Use(static next => context =>
        {
            IdentityHeaders.Remove(context.Request.Headers);
            return next(context);
        });
        if (app.ApplicationServices.GetService<EdgeJwtOptions>() is { } options)
        {
            var policies = app.ApplicationServices.GetRequiredService<PathPolicies>();
            var metrics = app.ApplicationServices.GetRequiredService<AccessMetrics>();
            var tokens = app.ApplicationServices.GetRequiredService<TokenCheck>();
            app.Use(next => new EdgeAuthentication(next, options, policies, metrics, tokens).InvokeAsync);
        }

        return app;
    }

    private static void Configure(JwtBearerOptions jwt, EdgeJwtOptions options, IServiceProvider provider)
    {
        var time = provider.GetRequiredService<TimeProvider>();
        jwt.TimeProvider = time;
        jwt.MapInboundClaims = false;
        jwt.SaveToken = false;
        jwt.RefreshOnIssuerKeyNotFound = true;
        jwt.TokenValidationParameters = TokenRules.Create(options, time);
        jwt.ConfigurationManager = provider.GetService<AuthorityKeys>();
        jwt.Events = new JwtBearerEvents
        {
            OnMessageReceived = static message =>
            {
                message.Token = TokenCheck.Find(message.HttpContext);
                return Task.CompletedTask;
            },
        };
    }
}
