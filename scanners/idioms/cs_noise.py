"""Calls and types of .NET itself that never lead to code of the scanned system."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text.

    Args:
        text: words between blanks.
    """
    return frozenset(text.split())


FOREIGN = words(
    """Console Math String string Convert Guid DateTime DateTimeOffset TimeSpan Encoding File Directory Path
    Environment Array Enumerable Activator Interlocked Thread Debug Trace Regex JsonSerializer JsonConvert
    BitConverter Random int long bool decimal double float char byte object Log Assert Stopwatch GC Buffer Enum
    StringComparer Volatile Monitor CancellationToken Type Nullable ArgumentNullException ArgumentException
    ObjectDisposedException Expression _logger logger Logger this._logger"""
)
NOISE = words(
    """nameof typeof ToString Equals GetHashCode GetType ToList ToArray ToDictionary ToLookup ToHashSet Select
    SelectMany Where Any All First FirstOrDefault Single SingleOrDefault Last LastOrDefault OrderBy
    OrderByDescending ThenBy ThenByDescending GroupBy Skip Take Distinct Concat Union Except Sum Average Cast
    OfType Append AppendLine AppendFormat StartsWith EndsWith Contains ContainsKey TryGetValue Substring Split
    Trim TrimEnd TrimStart Replace ToLower ToUpper ToLowerInvariant ToUpperInvariant IndexOf Join IsNullOrEmpty
    IsNullOrWhiteSpace TryParse Parse ConfigureAwait GetAwaiter GetResult LogInformation LogError LogWarning
    LogDebug LogTrace LogCritical BeginScope Dispose DisposeAsync ThrowIfNull AsEnumerable AsReadOnly Zip
    Reverse Aggregate Clone CompareTo CopyTo WriteLine HasValue GetValueOrDefault AddDays AddHours AddMinutes
    AddSeconds AddMonths AddYears Subtract Ok NotFound BadRequest NoContent CreatedAtAction CreatedAtRoute
    Unauthorized Forbid View PartialView RedirectToAction HasKey HasColumnName HasMaxLength IsRequired HasIndex
    HasColumnType HasForeignKey WithMany WithOne HasOne HasMany Property HasConversion OnDelete
    ValueGeneratedOnAdd HasConstraintName HasAnnotation RuleFor NotEmpty NotNull WithMessage MaximumLength
    MinimumLength Must GreaterThan WithName WithTags WithSummary WithDescription Produces WithOpenApi
    ProducesProblem RequireAuthorization AllowAnonymous ProducesValidationProblem Annotation
    EnsureSuccessStatusCode SerializeObject DeserializeObject Serialize Deserialize Max Min Count LongCount
    AddScoped AddSingleton AddTransient TryAddScoped TryAddSingleton TryAddTransient AddHostedService GetValue
    GetConnectionString GetSection GetRequiredSection CreateBuilder AddControllers AddEndpointsApiExplorer
    AddSwaggerGen UseSwagger UseSwaggerUI MapControllers UseRouting UseAuthorization UseAuthentication
    UseHttpsRedirection UseStaticFiles UseCors GetEnvironmentVariable HasDefaultValue HasPrecision IsUnique
    OwnsOne OwnsMany UsingEntity HasData AddColumn CreateTable DropTable CreateIndex DropColumn AlterColumn
    AddForeignKey"""
)
_FRAMEWORK = words(
    """Task ValueTask CancellationToken CancellationTokenSource Exception ArgumentNullException ArgumentException
    ArgumentOutOfRangeException InvalidOperationException NotImplementedException NotSupportedException
    OperationCanceledException TimeoutException FormatException KeyNotFoundException UnauthorizedAccessException
    ILogger ILoggerFactory String Object Guid DateTime DateTimeOffset TimeSpan DateOnly TimeOnly Uri UriBuilder
    List Dictionary HashSet Queue Stack IEnumerable ICollection IList IDictionary IReadOnlyList
    IReadOnlyCollection IQueryable IAsyncEnumerable Array KeyValuePair Tuple Nullable Lazy Func Action Predicate
    EventHandler Type Random StringBuilder Stream MemoryStream StreamReader StreamWriter FileStream BinaryReader
    Regex Stopwatch Encoding IActionResult ActionResult IResult HttpContext HttpRequest HttpResponse
    ClaimsPrincipal Claim ModelStateDictionary Expression MethodInfo PropertyInfo Assembly Thread SemaphoreSlim
    Timer ConcurrentDictionary ConcurrentQueue Boolean Int32 Int64 Decimal Double Byte Char
    JsonSerializerOptions JsonElement JObject JToken XmlDocument XElement MigrationBuilder ModelBuilder
    EntityTypeBuilder StringContent HttpContent CultureInfo IDisposable Activity IWebHostEnvironment
    IHostEnvironment RequestDelegate IApplicationBuilder WebApplication WebApplicationBuilder IServiceCollection
    IServiceProvider IServiceScope IServiceScopeFactory IHost IHostBuilder Results TypedResults"""
)


def is_framework(name: str) -> bool:
    """Whether a type is of .NET itself and leads nowhere.

    Args:
        name: dotted.
    """
    return name.rpartition(".")[2] in _FRAMEWORK
