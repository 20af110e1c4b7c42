/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connector/C has no "hostaddr": the name that it connects to is the name that it looks for in the certificate.
 * Behind a tunnel these differ, so its socket plugin is given the address to connect to; the name stays with the
 * connection, and nobody else's lookups of names are touched. */
#include "config.h"

#include "my.h"

#include <ma_pvio.h>

#include "twokey/base/err.h"
#include "twokey/base/must.h"

enum { PVIO_PLUGIN = 101, PVIO_VERSION = 0x0100 };	/* mysql/client_plugin.h, which does not compile in Debian 12 */
static const char key[] = "twokey.hostaddr";

struct pvio_plugin {
	MYSQL_CLIENT_PLUGIN_HEADER
	struct st_ma_pvio_methods *methods;
};

static struct st_ma_pvio_methods methods;	/* the library's, but for connect */
static my_bool (*connect_library)(MARIADB_PVIO *pvio, MA_PVIO_CINFO *to);
static bool there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static my_bool
connect_address(MARIADB_PVIO *pvio, MA_PVIO_CINFO *to)
{
	MA_PVIO_CINFO at = *to;
	const char *address = NULL;

	if (to->type == PVIO_TYPE_SOCKET &&
	    mysql_get_optionv(to->mysql, MARIADB_OPT_USERDATA, (void *)(uintptr_t)key, (void *)&address) == 0 &&
	    address != NULL)
		at.host = address;
	return connect_library(pvio, &at);
}

static void
find_plugin(void)
{
	MYSQL *m = mysql_init(NULL);
	struct pvio_plugin *plugin;

	must(m != NULL);
	plugin = (void *)mysql_client_find_plugin(m, "pvio_socket", PVIO_PLUGIN);
	if (plugin != NULL && plugin->type == PVIO_PLUGIN && plugin->interface_version == PVIO_VERSION &&
	    plugin->methods != NULL && plugin->methods->connect != NULL) {
		methods = *plugin->methods;
		connect_library = methods.connect;
		methods.connect = connect_address;
		plugin->methods = &methods;
		there = true;
	}
	mysql_close(m);
}

int
my_place(MYSQL *m, const struct db_target *t, struct err *e)
{
	must(pthread_once(&once, find_plugin) == 0);
	if (!there)
		return err_set(e, ERR_UNSUPPORTED, "this version of Connector/C cannot be told an address beside a name");
	if (mysql_optionsv(m, MARIADB_OPT_USERDATA, (void *)(uintptr_t)key, (void *)(uintptr_t)t->hostaddr) != 0)
		return err_set(e, ERR_UNSUPPORTED, "Connector/C does not take the address of the target");
	return 0;
}
