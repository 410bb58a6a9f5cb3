# REBIAS_APPEND_FLAGS(VARIABLE, FLAGS): adds those of FLAGS to VARIABLE that the compiler accepts.
AC_DEFUN([REBIAS_APPEND_FLAGS], [
for rebias_flag in $2; do
  AC_MSG_CHECKING([whether $CC accepts $rebias_flag])
  rebias_save_CFLAGS=$CFLAGS
  # a -Wno- flag is accepted silently when unknown: ask for its positive form
  rebias_probe=$(echo "$rebias_flag" | sed 's/^-Wno-/-W/')
  CFLAGS="$CFLAGS -Werror $rebias_probe"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); $1="$$1 $rebias_flag"], [AC_MSG_RESULT([no])])
  CFLAGS=$rebias_save_CFLAGS
done
])

# REBIAS_SANITIZE: --enable-sanitize=address,undefined adds the flags to compiling and linking.
AC_DEFUN([REBIAS_SANITIZE], [
AC_ARG_ENABLE([sanitize],
  [AS_HELP_STRING([--enable-sanitize=LIST], [build with the compiler's sanitizers, e.g. address,undefined])],
  [], [enable_sanitize=no])
AS_IF([test "x$enable_sanitize" != xno], [
  AS_IF([test "x$enable_sanitize" = xyes], [enable_sanitize=address,undefined])
  rebias_sanitize=$enable_sanitize
  SANITIZE_CFLAGS="-fsanitize=$enable_sanitize -fno-sanitize-recover=all -fno-omit-frame-pointer"
])
AC_SUBST([SANITIZE_CFLAGS])
])

# REBIAS_TARGET_CLONES: whether one function can be compiled for several x86-64 levels, chosen at load time.
# Not with sanitizers: the choice runs before their set-up.
AC_DEFUN([REBIAS_TARGET_CLONES], [
AC_CACHE_CHECK([for function versions by instruction set], [rebias_cv_target_clones], [
  AS_IF([test "x$rebias_sanitize" != x], [rebias_cv_target_clones=no], [
    rebias_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror"
    AC_LINK_IFELSE([AC_LANG_PROGRAM(
      [[__attribute__((target_clones("default", "avx2", "arch=x86-64-v4"))) static int twice(int x) { return 2 * x; }]],
      [[return twice(0);]])], [rebias_cv_target_clones=yes], [rebias_cv_target_clones=no])
    CFLAGS=$rebias_save_CFLAGS])
])
AS_IF([test "x$rebias_cv_target_clones" = xyes],
  [AC_DEFINE([HAVE_TARGET_CLONES], [1], [Define if target_clones with x86-64 levels works.])])
])
