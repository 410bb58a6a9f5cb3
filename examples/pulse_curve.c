/* pulse_curve.c - a device, an array of it, and its mean conductance under 500 SET pulses.
 *
 * cc -std=c11 pulse_curve.c $(pkg-config --cflags --static --libs rebias)
 */
#include <rebias/devmodel.h>
#include <rebias/error.h>
#include <stdio.h>

enum { DEVICES = 1000, PULSES = 500 };

int main(void)
{
    struct rebias_error err;
    struct rebias_device *device = NULL;
    struct rebias_devices *devices = NULL;
    struct rebias_stream stream = {.seed = 1, .purpose = REBIAS_FOR_CURVE};
    static float G[DEVICES];
    char text[512];
    int status = rebias_device_new(&device, "ag-asi:c2c=0.01", &err);
    if (status == REBIAS_OK) {
        status = rebias_devices_new(&devices, device, DEVICES, &stream, &err);
    }
    if (status != REBIAS_OK) {
        rebias_error_text(&err, text, sizeof text);
        fprintf(stderr, "%s\n", text);
        rebias_device_free(device);
        return 1;
    }
    for (int i = 0; i < DEVICES; i++) {
        G[i] = (float)device->Gmin;
    }
    for (uint32_t pulse = 1; pulse <= PULSES; pulse++) {
        stream.step = pulse;
        rebias_devices_pulse_all(devices, REBIAS_SET, G, &stream);
        double sum = 0.0;
        for (int i = 0; i < DEVICES; i++) {
            sum += (double)G[i];
        }
        if (pulse % 50 == 0) {
            printf("%u %.4g nS\n", (unsigned)pulse, 1e9 * sum / DEVICES);
        }
    }
    rebias_devices_free(devices);
    rebias_device_free(device);
    return 0;
}
