"""Names that an answer may use and still be plain (see `courseware.screening`).

A name is here when nothing that bears it, in the modules of `MODULES` and among the values that they give, writes
files, runs code from a text, looks up attributes by a text, replaces functions, or leads to a module that could. What
has no need to be fast is left out: `compile`, `save`, `apply` and `agg` among others, because of what some class makes
of them.
"""

from __future__ import annotations

_MODULES = """
    bisect calendar cmath collections copy datetime decimal fractions heapq itertools math matplotlib
    matplotlib.pyplot numpy numpy.fft numpy.linalg numpy.polynomial numpy.random pandas random re scipy
    scipy.integrate scipy.interpolate scipy.linalg scipy.optimize scipy.stats statistics string textwrap time
    typing
"""
_BUILTINS = """
    abs all any ascii bin bool bytes callable chr classmethod complex dict divmod enumerate filter float
    format frozenset hash hex id int isinstance issubclass iter len list map max min next object oct ord pow
    print property range repr reversed round set slice sorted staticmethod str sum tuple zip ArithmeticError
    AssertionError AttributeError BaseException DeprecationWarning EOFError Ellipsis Exception False
    FloatingPointError GeneratorExit ImportError IndexError KeyError KeyboardInterrupt LookupError MemoryError
    NameError None NotImplemented NotImplementedError OSError OverflowError RecursionError RuntimeError
    RuntimeWarning StopIteration SyntaxError SystemExit True TypeError UnboundLocalError UnicodeError
    UserWarning ValueError Warning ZeroDivisionError
"""
_VALUES = """
    add append args as_integer_ratio bit_count bit_length capitalize casefold center clear conjugate copy count decode
    denominator difference difference_update discard encode endswith expandtabs extend find from_bytes fromhex
    fromkeys get hex imag index insert intersection intersection_update is_integer isalnum isalpha isascii isdecimal
    isdigit isdisjoint isidentifier islower isnumeric isprintable isspace issubset issuperset istitle isupper items
    join keys ljust lower lstrip maketrans numerator partition pop popitem real remove removeprefix removesuffix
    replace reverse rfind rindex rjust rpartition rsplit rstrip setdefault sort split splitlines start startswith step
    stop strip swapcase symmetric_difference symmetric_difference_update title to_bytes translate union update upper
    values zfill
"""
_LIBRARY = """
    acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 expm1
    fabs factorial floor fmod frexp fsum gamma gcd hypot inf infj isclose isfinite isinf isnan isqrt lcm ldexp lgamma
    log log10 log1p log2 modf nan nanj nextafter perm phase pi polar pow prod radians rect remainder sin sinh sqrt
    tan tanh tau trunc ulp
    accumulate chain combinations combinations_with_replacement compress cycle dropwhile filterfalse from_iterable
    groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest
    ChainMap Counter OrderedDict defaultdict deque namedtuple appendleft elements extendleft maxlen most_common
    move_to_end popleft rotate subtract total
    bisect_left bisect_right heapify heappop heappush heappushpop heapreplace insort insort_left insort_right merge
    nlargest nsmallest
    betavariate choice choices expovariate gauss getrandbits lognormvariate normalvariate randint randrange random
    sample seed shuffle triangular uniform Random
    NormalDist cdf correlation covariance fmean geometric_mean harmonic_mean intercept inv_cdf linear_regression mean
    median median_high median_low mode multimode pdf pstdev pvariance quantiles slope stdev variance
    Decimal Fraction ROUND_DOWN ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP from_decimal from_float
    limit_denominator quantize to_integral_value
    combine date datetime day days fromisoformat fromordinal fromtimestamp hour isleap isoformat isoweekday
    microsecond minute month monthrange now perf_counter process_time monotonic second seconds sleep strftime
    strptime time timedelta timestamp timezone today toordinal total_seconds utc weekday year
    ASCII DOTALL I IGNORECASE M MULTILINE S VERBOSE X end escape findall finditer fullmatch group groupdict groups
    match search span sub subn
    ascii_letters ascii_lowercase ascii_uppercase capwords dedent digits fill hexdigits indent octdigits punctuation
    shorten whitespace wrap
    Any Callable Dict Generator Iterable Iterator List Mapping Optional Sequence Set Tuple Union
    deepcopy
"""
_ARRAYS = """
    T abs absolute all allclose amax amin angle any arange argmax argmin argsort argwhere around array array_equal
    array_split asarray astype average bincount bool_ broadcast_to cholesky clip column_stack complex128 complex64
    concatenate cond conj convolve corrcoef correlate cov cross cumprod cumsum deg2rad delete det diag diagonal diff
    digitize divide dot dstack dtype eig eigh eigvals eigvalsh einsum equal exp eye fft fft2 fftfreq
    fftshift flat flatnonzero flatten flip fliplr flipud float32 float64 floor_divide fmax fmin fromfunction fromiter
    full full_like genfromtxt geomspace gradient greater greater_equal heaviside histogram histogram2d hsplit hstack
    identity ifft ifft2 indices inner int16 int32 int64 int8 int_ interp intersect1d inv invert irfft iscomplex isin
    isreal item itemsize kron less less_equal lexsort linalg linspace loadtxt logaddexp logical_and logical_not
    logical_or logical_xor logspace lstsq matmul matrix_power matrix_rank max maximum meshgrid mgrid min minimum mod
    moveaxis multiply nan_to_num nanargmax nanargmin nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanstd
    nansum nanvar nbytes ndim negative newaxis nonzero norm not_equal ogrid ones ones_like outer pad
    percentile pinv poly1d polyder polyfit polyint polynomial polyval power ptp qr quantile rad2deg ravel reciprocal
    reshape resize rfft rfftfreq rint roll roots rot90 round searchsorted select setdiff1d setxor1d shape sign sinc
    size slogdet solve square squeeze stack std subtract sum svd swapaxes take tensordot tile tolist trace transpose
    trapezoid trapz tri tril triu true_divide uint16 uint32 uint64 uint8 union1d unique unravel_index vander var vdot
    vectorize vsplit vstack where zeros zeros_like
    Generator RandomState beta binomial chisquare default_rng exponential geometric integers lognormal
    multivariate_normal normal permutation poisson rand randn random_sample standard_normal
"""
_TABLES = """
    Categorical DataFrame DatetimeIndex Index NA NaT Series Timedelta Timestamp assign at between bfill cat columns
    concat corr corrwith cummax cummin cut date_range describe drop drop_duplicates dropna dt duplicated
    eq explode factorize ffill fillna first floordiv ge get_dummies gt head iat idxmax idxmin iloc
    interpolate isna isnull iterrows itertuples kurt last le lt mad melt nunique notna notnull nth pct_change qcut
    rank read_csv reindex rename reset_index rolling sem set_index shift skew sort_index sort_values str tail
    to_datetime to_dict to_frame to_list to_numeric to_numpy to_timedelta unstack value_counts
"""
_PLOTS = """
    Circle Polygon Rectangle add_patch add_subplot annotate arrow autoscale axes axhline axhspan axis axvline axvspan
    bar barh boxplot cla clf close colorbar contour contourf errorbar figure fill_between gca gcf get_children
    get_lines get_title get_xdata get_xlabel get_xlim get_ydata get_ylabel get_ylim grid hist hist2d hlines imshow
    legend lines loglog margins pcolormesh pie plot plot_surface polar pyplot quiver savgol_filter scatter semilogx
    semilogy set_aspect set_data set_label set_title set_xdata set_xlabel set_xlim set_xscale set_xticks set_ydata
    set_ylabel set_ylim set_yscale set_yticks set_zlabel show spines stackplot stem step streamplot subplot
    subplots subplots_adjust suptitle text tick_params tight_layout title twinx violinplot vlines xlabel xlim xscale
    xticks ylabel ylim yscale yticks
"""
_SCIENCE = """
    CubicSpline approx_fprime bisect brentq cumulative_trapezoid curve_fit dblquad expm expon fixed_quad fsolve fun
    integrate interp1d interpolate least_squares linprog linregress logm lu minimize minimize_scalar newton norm
    nit nfev odeint optimize pearsonr ppf pvalue quad root root_scalar rvs shapiro simpson solve_ivp spearmanr statistic
    stats success t tplquad ttest_1samp ttest_ind ttest_rel x y
"""
MODULES = frozenset(_MODULES.split())
"""What may be imported."""
BUILTINS = frozenset(_BUILTINS.split())
"""Builtins that may be used."""
ATTRIBUTES = frozenset(" ".join((_VALUES, _LIBRARY, _ARRAYS, _TABLES, _PLOTS, _SCIENCE)).split())
"""Attributes that may be read, whatever of; and what may be imported from `MODULES`."""
